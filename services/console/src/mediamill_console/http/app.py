"""Puts the console's routes together."""

from fastapi import FastAPI

from mediamill_console.http import settings_routes, sync_routes, watermark_routes
from mediamill_console.http.parts import ConsoleWebParts
from mediamill_web.application import build_api

_ROUTERS = (settings_routes.router, sync_routes.router, watermark_routes.router)
PATHS = tuple(router.prefix for router in _ROUTERS)
"""Beginnings of the paths that are answered here: how a gateway knows what is the console's."""


def build_app(parts: ConsoleWebParts) -> FastAPI:
    """Return the HTTP application; whoever runs it opens and closes what `parts` holds."""
    return build_api("Mediamill console", "What operators decide and ask for.", parts, _ROUTERS)
