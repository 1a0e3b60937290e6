"""A FastAPI application as all services of the control plane want it."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig

from mediamill_web.openapi import share_definitions
from mediamill_web.parts import WebParts
from mediamill_web.problems import install_problem_handlers
from mediamill_web.schemas import Problem

_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""The process traces requests itself; a second set of spans costs half a millisecond of each upload."""


class Api(FastAPI):
    """The application, whose description knows problem documents."""

    def openapi(self) -> dict[str, Any]:
        """Return the description, with the schema that all refusals share."""
        description = super().openapi()
        schemas = description.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault(Problem.__name__, Problem.model_json_schema(by_alias=True))
        share_definitions(description)
        return description


def build_api(title: str, description: str, parts: WebParts, routers: Sequence[APIRouter]) -> FastAPI:
    """Return the application; whoever runs it opens and closes what `parts` holds."""
    app = Api(title=title, version="1", description=description, redoc_url=None, telemetry=_NO_TELEMETRY)
    app.state.parts = parts
    install_problem_handlers(app, show_details=parts.show_details)
    for router in routers:
        app.include_router(router)
    return app
