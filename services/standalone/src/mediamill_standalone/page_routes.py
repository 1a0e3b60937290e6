"""Serves the page: its files and nothing else, under a policy that lets it load from its own origin only.

Large files it sends to S3 itself; that origin, and no other, it may connect to besides.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FILES = Path(__file__).with_name("page")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self'"
)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
)


UploadOrigin = Callable[[], Awaitable[str | None]]
"""Where browsers reach S3 now, such as `https://bucket.example`; None without S3."""


def page_routes(upload_origin: UploadOrigin) -> list[BaseRoute]:
    """Return the routes `/` and `/page/…`."""

    async def index(_request: Request) -> Response:
        page = FileResponse(FILES / "index.html")
        page.raw_headers.extend(_headers(await upload_origin()))
        return page

    return [Route("/", index), Mount("/page", _guarded(StaticFiles(directory=FILES)))]


def _headers(upload_origin: str | None = None) -> list[tuple[bytes, bytes]]:
    policy = _POLICY if upload_origin is None else f"{_POLICY} {upload_origin}"
    return [*_HEADERS, (b"content-security-policy", policy.encode())]


def _guarded(app: ASGIApp) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_headers()]
            await send(message)

        await app(scope, receive, send_guarded)

    return serve
