"""Lets one application answer for another beside it, as the gateway does between containers."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send


class PathsOf(BaseRoute):
    """Hands requests whose paths begin like this over to the other application, unchanged."""

    def __init__(self, app: FastAPI, paths: Sequence[str]) -> None:
        self._app = app
        self._paths = paths

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether the request is the other's."""
        path = scope["path"] + "/"
        ours = scope["type"] == "http" and any(path.startswith(f"{prefix}/") for prefix in self._paths)
        return (Match.FULL if ours else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the other application answer."""
        await self._app(scope, receive, send)


def join(app: FastAPI, other: FastAPI, paths: Sequence[str]) -> None:
    """Let `app` answer also what `other` does, and describe both at `/docs`."""
    app.router.routes.insert(0, PathsOf(other, paths))
    describe_own = app.openapi

    def describe_both() -> dict[str, Any]:
        own, others = describe_own(), other.openapi()
        own["paths"] |= others["paths"]
        own["components"]["schemas"] |= others["components"]["schemas"]
        return own

    app.openapi = describe_both  # type: ignore[method-assign] # FastAPI's documented way to extend it
