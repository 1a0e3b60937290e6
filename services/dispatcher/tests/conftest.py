"""An upstream that misbehaves on demand, and what calls are made with."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from mediamill_contracts import Message
from mediamill_contracts.call_types import IMAGE_GENERATION, CallType
from mediamill_contracts.media import MediaUploaded
from mediamill_dispatcher.calls.image_generation import ImageGeneration
from mediamill_dispatcher.calls.image_settings import ImageApiSettings
from mediamill_dispatcher.circuit_breaker import CircuitBreaker
from mediamill_dispatcher.registry import Line, Registry
from mediamill_dispatcher.usecases.run_call import Dispatch
from mediamill_storage.local import LocalObjectStore
from mediamill_testing.ports import free_port

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
KEY = "a-key-that-must-not-leak"


class Upstream:
    """An OpenAI-compatible image endpoint: behaves as the first of `behaviours` says, then well."""

    def __init__(self) -> None:
        self.behaviours: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_post("/v1/images/generations", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        port = free_port()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{port}/v1"

    async def stop(self) -> None:
        """Let go of the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        self.keys.append(request.headers.get("Authorization"))
        behaviour = self.behaviours.pop(0) if self.behaviours else "good"
        if behaviour == "hang":
            await asyncio.sleep(60)
        answers = {
            "good": web.json_response({"data": [{"b64_json": base64.b64encode(PNG).decode()}]}),
            "fail": web.Response(status=500, text="stack trace of the upstream"),
            "busy": web.Response(status=429, headers={"Retry-After": "40"}),
            "garbage": web.Response(text="<html>welcome</html>"),
            "no picture": web.json_response(
                {"data": [{"b64_json": base64.b64encode(b"MZ program").decode()}]}
            ),
            "empty": web.json_response({"data": []}),
            "refuse": web.json_response({"error": {"message": "against our policy"}}, status=400),
            "wrong key": web.Response(status=401, text=KEY),
        }
        return answers[behaviour]


@dataclass
class Recorder:
    """A Publisher that keeps what it is given."""

    published: list[Message] = field(default_factory=list)
    announced: list[Message] = field(default_factory=list)

    async def publish(self, message: Message) -> None:
        """Keep it."""
        self.published.append(message)

    async def announce(self, message: Message) -> None:
        """Keep it."""
        self.announced.append(message)

    @property
    def uploads(self) -> list[MediaUploaded]:
        """Uploads announced so far."""
        return [message for message in self.published if isinstance(message, MediaUploaded)]

    def words(self) -> str:
        """Return everything that left the service, as text."""
        sent = [*self.published, *self.announced]
        return json.dumps([message.model_dump(mode="json") for message in sent])


@dataclass(frozen=True)
class Bench:
    """A dispatch with one kind of call, and what it works with."""

    upstream: Upstream
    recorder: Recorder
    store: LocalObjectStore
    root: Path

    def dispatch(
        self,
        *,
        kind: CallType = IMAGE_GENERATION,
        show_details: bool = False,
        breaker: CircuitBreaker | None = None,
    ) -> Dispatch:
        """Return a dispatch for `kind`, whose runner is the image endpoint's."""
        settings = ImageApiSettings(base_url=self.upstream.url, api_key=KEY)
        runner = ImageGeneration(settings, httpx.AsyncClient(timeout=None))
        line = Line(kind, runner, breaker or CircuitBreaker(failures=5, pause_seconds=30))
        return Dispatch(Registry({kind.name: line}), self.store, self.recorder, show_details)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Give a bench with a running upstream."""
    upstream = Upstream()
    await upstream.start()
    store = LocalObjectStore(tmp_path / "store")
    yield Bench(upstream, Recorder(), store, tmp_path / "store")
    await store.close()
    await upstream.stop()
