"""A server span and a log line for each HTTP request.

The general-purpose ASGI instrumentation makes a span for every body chunk that is received or sent, which is
costly for streamed uploads; one span a request is what is wanted here.
"""

import time

import structlog
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_UNTRACED = ("/health/", "/metrics", "/socket.io")
"""Asked for every few seconds by machines, or open for minutes: no use in traces and logs."""

_tracer = trace.get_tracer("mediamill.http")
_log = structlog.get_logger("mediamill.http")


class TraceRequests:
    """ASGI middleware: continues the caller's trace or begins one, and logs how the request ended."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Trace HTTP requests; pass everything else through."""
        if scope["type"] != "http" or scope["path"].startswith(_UNTRACED):
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with _tracer.start_as_current_span(
            scope["method"],
            context=propagate.extract(_trace_headers(scope)),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": scope["method"], "url.path": scope["path"]},
        ) as span:
            try:
                await self._app(scope, receive, observe)
            finally:
                route = getattr(scope.get("route"), "path", None)
                if span.is_recording():
                    _describe(span, scope, route, status)
                _log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    duration_ms=round((time.perf_counter() - started) * 1000, 1),
                )


def _trace_headers(scope: Scope) -> dict[str, str]:
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in scope["headers"]
        if name in (b"traceparent", b"tracestate")
    }


def _describe(span: trace.Span, scope: Scope, route: str | None, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if route is not None:
        span.update_name(f"{scope['method']} {route}")
        span.set_attribute("http.route", route)
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))
