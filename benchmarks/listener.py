"""The user who waits: a Socket.IO client that notes when each medium was announced as ready.

It speaks just as much of the protocol as it needs (Engine.IO 4 over a WebSocket), to cost little beside what
is measured.
"""

import asyncio
import json
import time
from collections.abc import Iterable
from typing import Any

import aiohttp

_OPEN, _PING, _PONG, _CONNECT, _EVENT = "0", "2", "3", "40", "42"
"""Packet types of Engine.IO and, behind its message type 4, of Socket.IO."""


class NotReadyError(RuntimeError):
    """A medium failed, or was not announced in time."""


class ReadyListener:
    """Collects `media:ready` and `media:failed` of one user; what comes before it is asked for is kept."""

    def __init__(self) -> None:
        self._media: dict[str, asyncio.Future[float]] = {}
        self._session: aiohttp.ClientSession | None = None
        self._listening: asyncio.Task[None] | None = None

    async def connect(self, url: str, token: str) -> None:
        """Connect to notifier; raises NotReadyError when it turns the token away."""
        self._session = aiohttp.ClientSession()
        socket = await self._session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket")
        opening = await socket.receive_str()
        await socket.send_str(_CONNECT + json.dumps({"token": token}))
        answer = await socket.receive_str()
        if not opening.startswith(_OPEN) or not answer.startswith(_CONNECT):
            raise NotReadyError(f"notifier answered {answer}")
        self._listening = asyncio.create_task(self._listen(socket))

    async def close(self) -> None:
        """Disconnect."""
        if self._listening is not None:
            self._listening.cancel()
        if self._session is not None:
            await self._session.close()

    async def ready_times(self, media_ids: Iterable[str], *, within: float) -> list[float]:
        """Return the Unix time at which each medium was announced; raises NotReadyError."""
        futures = [self._future(media_id) for media_id in media_ids]
        try:
            async with asyncio.timeout(within):
                return [await future for future in futures]
        except TimeoutError:
            missing = sum(not future.done() for future in futures)
            state = "open" if self._listening and not self._listening.done() else "lost"
            raise NotReadyError(f"{missing} of {len(futures)} media not ready; connection {state}") from None

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            packet = str(message.data)
            if packet == _PING:
                await socket.send_str(_PONG)
            elif packet.startswith(_EVENT):
                name, event = json.loads(packet.removeprefix(_EVENT))
                self._take(name, event)

    def _take(self, name: str, event: dict[str, Any]) -> None:
        if name not in {"media:ready", "media:failed"}:
            return
        future = self._future(event["mediaId"])
        if future.done():
            return
        if name == "media:ready":
            future.set_result(time.time())
        else:
            future.set_exception(NotReadyError(f"{event['mediaId']} failed: {event.get('error')}"))

    def _future(self, media_id: str) -> asyncio.Future[float]:
        if media_id not in self._media:
            self._media[media_id] = asyncio.get_running_loop().create_future()
        return self._media[media_id]
