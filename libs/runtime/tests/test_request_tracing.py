import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from structlog.testing import capture_logs

from mediamill_runtime.request_tracing import TraceRequests
from mediamill_runtime.telemetry import configure_telemetry, current_trace_id

PARENT = "0af7651916cd43dd8448eb211c80319c"


async def trace_id(_request):
    """Answer with the current trace id."""
    return PlainTextResponse(current_trace_id() or "none")


async def broken(_request):
    """Crash."""
    raise RuntimeError("broken")


@pytest.fixture
def http():
    """Return an HTTP client of a traced application."""
    configure_telemetry("test")
    routes = [Route(path, trace_id) for path in ("/media/{id}", "/health/live")]
    app = TraceRequests(Starlette(routes=[*routes, Route("/broken", broken)]))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def test_requests_have_a_trace_id_of_their_own(http):
    """Without a caller's trace each request begins one, also when nothing is exported."""
    async with http:
        first, second = (await http.get("/media/1")).text, (await http.get("/media/1")).text
    assert len(first) == len(second) == 32
    assert first != second


async def test_the_callers_trace_goes_on(http):
    """A W3C traceparent is continued; a broken one is replaced."""
    async with http:
        given = await http.get("/media/1", headers={"traceparent": f"00-{PARENT}-b7ad6b7169203331-01"})
        broken_header = await http.get("/media/1", headers={"traceparent": "00-xyz"})
    assert given.text == PARENT
    assert len(broken_header.text) == 32


async def test_health_checks_are_not_traced(http):
    """Probes leave no traces and no log lines."""
    async with http:
        with capture_logs() as logs:
            assert (await http.get("/health/live")).text == "none"
    assert logs == []


async def test_the_log_tells_how_a_request_ended(http):
    """One line a request with method, path, status and duration; a crash is a 500."""
    async with http:
        with capture_logs() as logs:
            await http.get("/media/1?token=secret")
            await http.get("/broken")
    lines = [line for line in logs if line["event"] == "request"]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("GET", "/media/1", 200),
        ("GET", "/broken", 500),
    ]
    assert lines[0]["duration_ms"] >= 0
