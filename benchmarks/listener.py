"""The user who waits: a Socket.IO client that notes when each medium was announced as ready."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import socketio


class NotReadyError(RuntimeError):
    """A medium failed, or was not announced in time."""


class ReadyListener:
    """Collects `media:ready` and `media:failed` of one user; what comes before it is asked for is kept."""

    def __init__(self) -> None:
        self._ready: dict[str, asyncio.Future[float]] = {}
        self._client = socketio.AsyncClient(reconnection=False)
        self._client.on("media:ready", self._on_ready)
        self._client.on("media:failed", self._on_failed)

    async def connect(self, url: str, token: str) -> None:
        """Connect to notifier."""
        await self._client.connect(url, auth={"token": token}, transports=["websocket"])

    async def close(self) -> None:
        """Disconnect."""
        await self._client.disconnect()

    async def ready_times(self, media_ids: Iterable[str], *, within: float) -> list[float]:
        """Return the Unix time at which each medium was announced; raises NotReadyError."""
        futures = [self._future(media_id) for media_id in media_ids]
        try:
            async with asyncio.timeout(within):
                return [await future for future in futures]
        except TimeoutError:
            missing = sum(not future.done() for future in futures)
            raise NotReadyError(f"{missing} of {len(futures)} media were not ready in time") from None

    async def _on_ready(self, event: dict[str, Any]) -> None:
        future = self._future(event["mediaId"])
        if not future.done():
            future.set_result(time.time())

    async def _on_failed(self, event: dict[str, Any]) -> None:
        future = self._future(event["mediaId"])
        if not future.done():
            future.set_exception(NotReadyError(f"{event['mediaId']} failed: {event.get('error')}"))

    def _future(self, media_id: str) -> asyncio.Future[float]:
        if media_id not in self._ready:
            self._ready[media_id] = asyncio.get_running_loop().create_future()
        return self._ready[media_id]
