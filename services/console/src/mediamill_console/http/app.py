"""Puts the console's routes together."""

from fastapi import FastAPI

from mediamill_console.http import settings_routes
from mediamill_console.http.parts import ConsoleWebParts
from mediamill_web.application import build_api

ROUTERS = (settings_routes.router,)
"""Also for a process that serves them beside others."""


def build_app(parts: ConsoleWebParts) -> FastAPI:
    """Return the HTTP application; whoever runs it opens and closes what `parts` holds."""
    return build_api("Mediamill console", "What operators decide and ask for.", parts, ROUTERS)
