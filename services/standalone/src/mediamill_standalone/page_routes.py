"""Serves the page: its files and nothing else, under a policy that lets it load from its own origin only.

Pictures may be in S3 or at the CDN, and large files it sends to S3 itself: these origins it may use besides.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FILES = Path(__file__).with_name("page")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
)


FileOrigins = Callable[[], Awaitable[Sequence[str]]]
"""Where browsers reach files beside this server now, such as `https://bucket.example`."""


def page_routes(file_origins: FileOrigins) -> list[BaseRoute]:
    """Return the routes `/` and `/page/…`."""

    async def index(_request: Request) -> Response:
        page = FileResponse(FILES / "index.html")
        page.raw_headers.extend(_headers(await file_origins()))
        return page

    return [Route("/", index), Mount("/page", _guarded(StaticFiles(directory=FILES)))]


def _headers(file_origins: Sequence[str] = ()) -> list[tuple[bytes, bytes]]:
    elsewhere = "".join(f" {origin}" for origin in file_origins)
    policy = f"{_POLICY}; img-src 'self' blob: data:{elsewhere}; connect-src 'self'{elsewhere}"
    return [*_HEADERS, (b"content-security-policy", policy.encode())]


def _guarded(app: ASGIApp) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_headers()]
            await send(message)

        await app(scope, receive, send_guarded)

    return serve
