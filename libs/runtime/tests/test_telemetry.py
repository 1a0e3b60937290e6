"""Spans arrive at a real collector's door, named and placed as they should be."""

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PARENT = "0af7651916cd43dd8448eb211c80319c"
PROGRAM = f"""
import asyncio, httpx, os
from mediamill_runtime.request_tracing import TraceRequests
from mediamill_runtime.telemetry import configure_telemetry
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def answer(request):
    return PlainTextResponse("busy", 503)

async def main():
    app = TraceRequests(Starlette(routes=[Route("/media/{{id}}", answer)]))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        await http.get("/media/17", headers={{"traceparent": "00-{PARENT}-b7ad6b7169203331-01"}})

telemetry = configure_telemetry("example", os.environ.get("ENDPOINT"))
asyncio.run(main())
telemetry.shutdown()
"""


class Collector:
    """An OTLP/HTTP receiver; `requests` holds what came to `/v1/traces`."""

    def __init__(self) -> None:
        requests: list[ExportTraceServiceRequest] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Take one export."""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/traces":
                    requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Keep quiet."""

        self.requests = requests
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        """Stop receiving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Run a collector."""
    running = Collector()
    yield running
    running.close()


def run_program(**environment: str) -> None:
    """Run the traced program in a process of its own, since a provider is installed once a process."""
    command = [sys.executable, "-c", PROGRAM]
    environment = {"PATH": os.environ["PATH"], **environment}
    subprocess.run(command, env=environment, check=True, timeout=60, stdout=subprocess.DEVNULL)


def test_a_request_becomes_one_server_span(collector):
    """The span continues the caller's trace, is named by route instead of path, and marks the failure."""
    run_program(ENDPOINT=f"{collector.url}/")
    (resource,) = collector.requests[0].resource_spans
    (span,) = resource.scope_spans[0].spans
    assert {item.key: item.value.string_value for item in resource.resource.attributes}[
        "service.name"
    ] == "example"
    assert span.trace_id.hex() == PARENT
    assert span.parent_span_id.hex() == "b7ad6b7169203331"
    assert span.name == "GET /media/{id}"
    attributes = {item.key: item.value for item in span.attributes}
    assert attributes["http.response.status_code"].int_value == 503
    assert attributes["url.path"].string_value == "/media/17"
    assert span.status.code == span.status.STATUS_CODE_ERROR


def test_without_a_collector_nothing_is_sent(collector):
    """No endpoint, no export."""
    run_program()
    assert collector.requests == []
