"""Socket.IO as a source of hints: it makes watching quick, but polling alone gives the same answers.

Nothing here raises for a missing notifier. A hint that never comes costs time, not correctness, so what
a watcher reports as final always comes from the job endpoint.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import aiohttp
import socketio
from pydantic import SecretStr

from mediamill_client.watching import Hint

log = logging.getLogger(__name__)


class LiveHints:
    """Hints from the notifier while the context lasts; connects and reconnects in the background."""

    def __init__(self, url: str, token: SecretStr | None) -> None:
        self._url = url
        self._token = token
        self._http = aiohttp.ClientSession()
        self._socket = socketio.AsyncClient(http_session=self._http, handle_sigint=False)
        self._hints: asyncio.Queue[Hint] = asyncio.Queue()
        self._connecting: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether hints can be expected to come by themselves."""
        return bool(self._socket.connected)

    async def next(self, seconds: float) -> Hint | None:
        """Return the next hint, or None when none came within `seconds`."""
        try:
            return await asyncio.wait_for(self._hints.get(), seconds)
        except TimeoutError:
            return None

    async def __aenter__(self) -> Self:
        self._socket.on("connect", self._on_connect)
        for name in ("media:progress", "media:processed", "media:ready", "media:failed"):
            self._socket.on(name, self._on_event)
        self._connecting = asyncio.create_task(self._connect())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            with suppress(asyncio.CancelledError):
                await self._connecting
        await self._socket.shutdown()
        await self._http.close()

    async def _connect(self) -> None:
        token = None if self._token is None else {"token": self._token.get_secret_value()}
        try:
            await self._socket.connect(
                self._url, auth=token, transports=["websocket"], wait_timeout=5, retry=True
            )
        except socketio.exceptions.ConnectionError as error:
            log.debug("no live events from %s (%s): polling instead", self._url, error)

    async def _on_connect(self) -> None:
        self._hints.put_nowait(Hint())

    async def _on_event(self, payload: Any) -> None:
        if isinstance(payload, Mapping):
            progress = payload.get("progress")
            self._hints.put_nowait(
                Hint(
                    _identity(payload.get("jobId")),
                    _identity(payload.get("mediaId")),
                    progress if isinstance(progress, int) else None,
                )
            )


def _identity(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
