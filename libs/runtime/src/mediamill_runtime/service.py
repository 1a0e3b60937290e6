"""The life of a process: bind, start, serve, and on SIGTERM stop without dropping what is in hand."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp

from mediamill_runtime.http_protocol import StreamingProtocol
from mediamill_runtime.request_tracing import TraceRequests

DEFAULT_GRACE_SECONDS = 25.0
KEEP_ALIVE_SECONDS = 75
"""How long an idle connection is kept: longer than clients keep one.

A request that meets the closing of its connection gets no answer, and a gateway makes a 502 of that. Ours
gives connections up after 60 seconds (`deploy/gateway/Caddyfile`), as common load balancers do, and HTTP
libraries after 5 and more; uvicorn's own 5 seconds lose that race.
"""
_YOUNG_OBJECTS = 10_000
"""Made before the garbage collector looks at them; 700 by default."""
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_log = structlog.get_logger(__name__)


async def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Service:
    """A built service: what it serves, and how it starts and stops.

    On a stop signal `quiesce` comes first, while HTTP requests still finish: let go of connections that would
    stay open. Then, with no request left, `stop` drains and closes the rest. `start` returns without waiting
    for dependencies that may be away.
    """

    name: str
    app: ASGIApp
    start: Callable[[], Awaitable[None]] = _nothing
    stop: Callable[[], Awaitable[None]] = _nothing
    quiesce: Callable[[], Awaitable[None]] = _nothing
    max_websocket_bytes: int = 64 * 1024
    """Largest frame taken from a WebSocket; a larger one closes the connection."""


def run(
    service: Service,
    host: str,
    port: int,
    *,
    grace_seconds: float = DEFAULT_GRACE_SECONDS,
    trusted_proxies: str = "127.0.0.1",
) -> int:
    """Run `service` until SIGTERM or SIGINT and return the exit code; a second signal exits at once.

    `trusted_proxies` are the addresses or networks, separated by commas, whose `X-Forwarded-For` and
    `X-Forwarded-Proto` are believed: whoever sits behind one is told apart by them.
    HTTP requests in hand get half of `grace_seconds`, `stop` gets what is left of it. 0 is a clean end, 1 an
    address that cannot be bound, a failed start, or a stop that failed or took too long.
    """
    try:
        listener = _bind(host, port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        _log.error("cannot listen", host=host, port=port, reason=reason)
        return 1
    with listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_live(service, listener, grace_seconds, trusted_proxies))


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: the whole process ends in one order, decided here."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `run`."""
        yield


async def _live(service: Service, listener: socket.socket, grace_seconds: float, trusted_proxies: str) -> int:
    stop_requested = _listen_for_signals(asyncio.get_running_loop())
    started = await _start(service, stop_requested)
    _spare_collector()
    server = _server_of(service, trusted_proxies, grace_seconds / 2)
    served = started and await _serve(server, service, listener, stop_requested, grace_seconds / 2)
    stopped = await _end("stop", service.stop, grace_seconds / 2)
    _log.info("stopped", clean=started and served and stopped)
    return 0 if (started or stop_requested.is_set()) and stopped else 1


def _spare_collector() -> None:
    """Take all that was imported and built so far out of garbage collection.

    It lives as long as the process; going through it takes a tenth of a second, in which nobody is answered.
    What comes after it is looked at less often: a request makes thousands of objects and hardly any cycle.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 10, 10)


def _listen_for_signals(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    stop_requested = asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        if stop_requested.is_set():
            sys.stderr.flush()
            os._exit(128 + number)
        _log.info("stopping", signal=number.name)
        stop_requested.set()

    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    return stop_requested


async def _start(service: Service, stop_requested: asyncio.Event) -> bool:
    """Start unless a signal comes first; return whether the service may serve."""
    starting = asyncio.ensure_future(service.start())
    async with _waiting(stop_requested) as stopping:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
    try:
        await starting
    except asyncio.CancelledError:
        return False
    except Exception:  # noqa: BLE001 - whatever it was, the process ends in order and says why
        _log.exception("start failed")
        return False
    return True


def _server_of(service: Service, trusted_proxies: str, grace_seconds: float) -> _Server:
    return _Server(
        uvicorn.Config(
            TraceRequests(service.app),
            http=StreamingProtocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            forwarded_allow_ips=trusted_proxies,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, round(grace_seconds)),
            ws_max_size=service.max_websocket_bytes,
            ws_per_message_deflate=False,
        )
    )


async def _serve(
    server: _Server,
    service: Service,
    listener: socket.socket,
    stop_requested: asyncio.Event,
    grace_seconds: float,
) -> bool:
    listener.listen(server.config.backlog)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    host, port = listener.getsockname()[:2]
    _log.info("listening", url=f"http://{f'[{host}]' if ':' in host else host}:{port}")
    async with _waiting(stop_requested) as stopping:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await _end("quiesce", service.quiesce, grace_seconds)
    try:
        await serving
    except Exception:  # noqa: BLE001 - the service must still be stopped
        _log.exception("server failed")
        return False
    return True


async def _end(step: str, action: Callable[[], Awaitable[None]], seconds: float) -> bool:
    """Carry out one step of the end; whatever goes wrong is logged and the end goes on."""
    try:
        async with asyncio.timeout(seconds):
            await action()
    except Exception:  # noqa: BLE001 - the remaining steps of the end must still run
        _log.exception("unclean stop", step=step, limit_seconds=seconds)
        return False
    return True


@contextlib.asynccontextmanager
async def _waiting(event: asyncio.Event) -> AsyncIterator["asyncio.Task[bool]"]:
    task = asyncio.create_task(event.wait())
    try:
        yield task
    finally:
        task.cancel()
