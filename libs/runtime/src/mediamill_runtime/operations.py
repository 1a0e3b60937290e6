"""What operators and orchestrators ask of every process: is it alive, is it ready, what are its figures."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Check = Callable[[], Awaitable[None]]
"""Makes a real round trip and raises when the dependency is not usable now."""

CHECK_TIMEOUT_SECONDS = 2.0
"""Below the usual probe timeouts, so that a hanging dependency is named instead of timing out the probe."""

_log = structlog.get_logger(__name__)


def operations_routes(
    checks: Mapping[str, Check], *, timeout_seconds: float = CHECK_TIMEOUT_SECONDS
) -> list[Route]:
    """Return the routes `/health/live`, `/health/ready` and `/metrics`.

    Live answers as long as the event loop runs. Ready answers 200 when all `checks` pass within
    `timeout_seconds`, else 503; its body gives the state of each:
    `{"status": "ready", "checks": {"broker": {"ok": true, "ms": 1.2}}}`.
    """

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(_request: Request) -> Response:
        results = await asyncio.gather(
            *(_run_check(name, check, timeout_seconds) for name, check in checks.items())
        )
        healthy = all(result["ok"] for result in results)
        return JSONResponse(
            {
                "status": "ready" if healthy else "unavailable",
                "checks": dict(zip(checks, results, strict=True)),
            },
            status_code=200 if healthy else 503,
            headers={"Cache-Control": "no-store"},
        )

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", metrics),
    ]


async def _run_check(name: str, check: Check, timeout_seconds: float) -> dict[str, object]:
    """Run one check; the answer names the kind of error, the log has the rest."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(timeout_seconds):
            await check()
    except Exception as error:  # noqa: BLE001 - whatever a dependency raises means "not ready"
        _log.warning("health check failed", check=name, error=str(error), kind=type(error).__name__)
        return {"ok": False, "error": type(error).__name__}
    return {"ok": True, "ms": round((time.perf_counter() - started) * 1000, 1)}
