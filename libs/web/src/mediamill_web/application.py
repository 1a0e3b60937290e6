"""A FastAPI application as all services of the control plane want it."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.types import Receive, Scope, Send

from mediamill_web.docs import docs_routes
from mediamill_web.openapi import share_definitions
from mediamill_web.parts import WebParts
from mediamill_web.problems import ProblemResponse, install_problem_handlers
from mediamill_web.schemas import Problem

_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""The process traces requests itself; a second set of spans costs half a millisecond of each upload."""


class Api(FastAPI):
    """The application, whose description knows problem documents."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, unless its address holds a NUL: what no name has, and no database looks for."""
        if scope["type"] == "http" and ("\0" in scope["path"] or b"%00" in scope["query_string"]):
            refusal = ProblemResponse(400, "invalid_request", "The address contains a NUL character.")
            await refusal(scope, receive, send)
            return
        await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the description, with the schema that all refusals share."""
        description = super().openapi()
        schemas = description.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault(Problem.__name__, Problem.model_json_schema(by_alias=True))
        share_definitions(description)
        return description


def build_api(title: str, description: str, parts: WebParts, routers: Sequence[APIRouter]) -> FastAPI:
    """Return the application; whoever runs it opens and closes what `parts` holds."""
    app = Api(
        title=title,
        version="1",
        description=description,
        docs_url=None,
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
    )
    app.state.parts = parts
    install_problem_handlers(app, show_details=parts.show_details)
    for router in routers:
        app.include_router(router)
    app.router.routes.extend(docs_routes())
    return app
