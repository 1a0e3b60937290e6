"""A notifier that is served over real HTTP, and clients of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from mediamill_contracts import Message
from mediamill_messaging.subscription import Delivery
from mediamill_notifier.gateway import SOCKET_PATH, Gateway
from mediamill_notifier.main import NotifierParts, build_app
from mediamill_notifier.settings import SocketSettings
from mediamill_runtime.identity import TokenIssuer, TokenVerifier
from mediamill_testing.ports import free_port
from mediamill_testing.waiting import eventually

SECRET = "a secret of these tests, long enough for HS256"


@dataclass(frozen=True)
class Replica:
    """One running notifier, fed by hand instead of by a broker."""

    url: str
    parts: NotifierParts

    @property
    def gateway(self) -> Gateway:
        """The sockets."""
        return self.parts.gateway

    async def deliver(self, event: Message, event_id: UUID | None = None) -> None:
        """Hand `event` to its handler as a transport does."""
        delivery = Delivery("notifier", str(event_id or uuid4()), event.wire_name, event.routing_key)
        for route in self.parts.broadcast.routes:
            if route.model is type(event):
                await route.handler(event, delivery)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve(settings: SocketSettings) -> AsyncIterator[Replica]:
    """Run a notifier with these settings on a free port."""
    parts = build_app(settings, TokenVerifier(SECRET))
    port = free_port()
    server = _Server(
        uvicorn.Config(
            Starlette(routes=[Mount(SOCKET_PATH, parts.gateway.app)]),
            port=port,
            lifespan="off",
            log_config=None,
            ws_max_size=settings.max_frame_bytes,
            timeout_graceful_shutdown=2,
        )
    )
    serving = asyncio.create_task(server.serve())
    await parts.gateway.start()
    await eventually(lambda: server.started)
    try:
        yield Replica(f"http://127.0.0.1:{port}", parts)
    finally:
        await parts.gateway.stop()
        server.should_exit = True
        await serving


@pytest.fixture
def run_notifier() -> Callable[..., AbstractAsyncContextManager[Replica]]:
    """Return a function that runs a notifier with the given settings (by field name)."""

    def run(**settings: Any) -> AbstractAsyncContextManager[Replica]:
        return serve(SocketSettings(env="test", **settings))

    return run


@pytest.fixture
async def notifier(
    run_notifier: Callable[..., AbstractAsyncContextManager[Replica]],
) -> AsyncIterator[Replica]:
    """Run a notifier with default settings."""
    async with run_notifier() as replica:
        yield replica


@pytest.fixture
def issue() -> Callable[..., str]:
    """Return a function that issues a token: `issue(user_id, role="user", seconds=60)`."""

    def issue_token(user_id: str, role: Any = "user", seconds: int = 60) -> str:
        return TokenIssuer(SECRET, lifetime_seconds=seconds).issue(user_id, role)

    return issue_token


@pytest.fixture
def eventually_sockets() -> Callable[[Gateway, str, int], Awaitable[None]]:
    """Return a function that waits until a room has so many sockets."""

    async def wait(gateway: Gateway, room: str, count: int) -> None:
        await eventually(lambda: gateway.listeners(room) == count)

    return wait
