"""`/docs`: the API's description for people, from our own origin.

FastAPI's page loads Swagger UI from a content delivery network: nothing shows where none is reachable, and
scripts of others run beside the session cookie. Here its files come from a package that carries them.
"""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

FILES = Path(__file__).with_name("docs_page")
_SWAGGER_UI = ("fastapi_offline", "static")
"""The package with the files, which is not imported, and where they are in it."""
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def docs_routes() -> list[BaseRoute]:
    """Return the routes of the page and of its files."""

    async def index(_request: Request) -> Response:
        return FileResponse(FILES / "index.html", headers=_HEADERS)

    return [Route("/docs", index), Mount("/docs", StaticFiles(directory=FILES, packages=[_SWAGGER_UI]))]
