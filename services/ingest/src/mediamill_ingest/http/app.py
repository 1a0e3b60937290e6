"""Puts ingest's routes together."""

from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from mediamill_ingest.http import (
    auth_routes,
    bulk_routes,
    file_routes,
    job_routes,
    media_routes,
    queue_routes,
    upload_routes,
)
from mediamill_ingest.http.parts import HttpParts
from mediamill_ingest.http.problems import install_problem_handlers
from mediamill_ingest.http.schemas import Problem

# `/api/media/bulk` and `/api/media/jobs/…` come before `/api/media/{id}`: the first route that fits is taken.
_ROUTERS = (
    upload_routes.router,
    bulk_routes.router,
    job_routes.router,
    media_routes.router,
    queue_routes.router,
    auth_routes.router,
    file_routes.router,
)

_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""The process traces requests itself; a second set of spans costs half a millisecond of each upload."""


class IngestApi(FastAPI):
    """The application, whose description knows problem documents."""

    def openapi(self) -> dict[str, Any]:
        """Return the description, with the schema that all refusals share."""
        description = super().openapi()
        schemas = description.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault(Problem.__name__, Problem.model_json_schema(by_alias=True))
        return description


def build_app(parts: HttpParts) -> FastAPI:
    """Return the HTTP application; whoever runs it opens and closes what `parts` holds."""
    app = IngestApi(
        title="Mediamill ingest",
        version="1",
        description="Takes pictures in, tells what became of them, and serves them.",
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
    )
    app.state.parts = parts
    install_problem_handlers(app, show_details=parts.show_details)
    for router in _ROUTERS:
        app.include_router(router)
    return app
