"""Puts ingest's routes together."""

from fastapi import FastAPI

from mediamill_ingest.http import (
    auth_routes,
    bulk_routes,
    call_routes,
    conversation_routes,
    file_routes,
    job_routes,
    media_routes,
    message_routes,
    presigned_routes,
    queue_routes,
    upload_routes,
)
from mediamill_ingest.http.parts import HttpParts
from mediamill_web.application import build_api

# `/api/media/bulk` and `/api/media/jobs/…` come before `/api/media/{id}`: the first route that fits is taken.
_ROUTERS = (
    upload_routes.router,
    bulk_routes.router,
    job_routes.router,
    presigned_routes.router,
    media_routes.router,
    queue_routes.router,
    call_routes.router,
    conversation_routes.router,
    message_routes.router,
    auth_routes.router,
    file_routes.router,
)


def build_app(parts: HttpParts) -> FastAPI:
    """Return the HTTP application; whoever runs it opens and closes what `parts` holds."""
    description = "Takes pictures in, tells what became of them, and serves them."
    return build_api("Mediamill ingest", description, parts, _ROUTERS)
