import asyncio

import httpx
from starlette.applications import Starlette

from mediamill_runtime.operations import operations_routes


def client(checks, **options):
    """Build an HTTP client of an application with these checks."""
    app = Starlette(routes=operations_routes(checks, **options))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def passing():
    """Pass."""


async def failing():
    """Fail with something that must not be shown."""
    raise ConnectionRefusedError("password hunter2 is wrong")


async def hanging():
    """Never answer."""
    await asyncio.Event().wait()


async def test_alive_whatever_the_dependencies_do():
    """Liveness asks nobody: a broken dependency is no reason to restart the process."""
    async with client({"broker": failing}) as http:
        answer = await http.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_ready_when_every_check_passes():
    """Readiness is 200 and shows each check."""
    async with client({"broker": passing, "database": passing}) as http:
        answer = await http.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert {name: check["ok"] for name, check in answer.json()["checks"].items()} == {
        "broker": True,
        "database": True,
    }


async def test_unready_names_the_failing_and_the_hanging_dependency():
    """One failure is 503; a check that hangs is cut off; details stay inside."""
    async with client({"a": passing, "b": failing, "c": hanging}, timeout_seconds=0.05) as http:
        answer = await http.get("/health/ready")
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert checks["a"]["ok"]
    assert checks["b"] == {"ok": False, "error": "ConnectionRefusedError"}
    assert checks["c"] == {"ok": False, "error": "TimeoutError"}
    assert "hunter2" not in answer.text


async def test_metrics_include_the_process():
    """Prometheus gets its text format, with memory and CPU of the process."""
    async with client({}) as http:
        answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "process_resident_memory_bytes" in answer.text
    assert "process_cpu_seconds_total" in answer.text
