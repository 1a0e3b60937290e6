"""Puts ingest's routes together."""

from fastapi import FastAPI

from mediamill_ingest.http import upload_routes
from mediamill_ingest.http.parts import HttpParts
from mediamill_ingest.http.problems import install_problem_handlers


def build_app(parts: HttpParts) -> FastAPI:
    """Return the HTTP application; whoever runs it opens and closes what `parts` holds."""
    app = FastAPI(
        title="Mediamill ingest",
        version="1",
        description="Takes pictures in, tells what became of them, and serves them.",
        redoc_url=None,
    )
    app.state.parts = parts
    install_problem_handlers(app, show_details=parts.show_details)
    app.include_router(upload_routes.router)
    return app
