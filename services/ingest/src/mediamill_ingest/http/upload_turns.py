"""A few uploads at a time are received, each to its end, instead of all of them side by side.

Clients that send as fast as they are read would otherwise all be done at about the same moment: first every
file is received while no disk works, then every file is hashed and flushed while nothing is received. One
after the other, the files of some are made durable while others come in.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Message, Receive

MOST_TURNS = 16
"""Enough that there is always one whose next bytes have come."""
PATIENCE_SECONDS = 0.03
"""A client that lets the server wait longer than this goes on without a turn, which others can use."""


class UploadTurns:
    """Hands out turns in the order in which they were asked for."""

    def __init__(self, most: int = MOST_TURNS, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Let `most` uploads be received at once, besides those of clients that are slow."""
        self._most = most
        self._patience = patience_seconds
        self._waiting_since: dict[object, float] = {}
        """Of each turn that is taken: since when its client is waited for, for ever while it is not."""
        self._queue: deque[tuple[object, asyncio.Future[None]]] = deque()
        self._look: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self, receive: Receive) -> AsyncIterator[Receive]:
        """Wait for a turn, and give what to receive the body with until the block ends."""
        turn = object()
        clock = asyncio.get_running_loop().time

        async def watched() -> Message:
            if turn in self._waiting_since:
                self._waiting_since[turn] = clock()
            message = await receive()
            if turn in self._waiting_since:
                self._waiting_since[turn] = math.inf
            return message

        try:
            await self._take(turn)
            yield watched
        finally:
            self._waiting_since.pop(turn, None)
            self._call_next()

    async def _take(self, turn: object) -> None:
        if len(self._waiting_since) < self._most:
            self._waiting_since[turn] = math.inf
            return
        loop = asyncio.get_running_loop()
        called: asyncio.Future[None] = loop.create_future()
        self._queue.append((turn, called))
        if self._look is None:
            self._look = loop.call_later(self._patience, self._pass_over_slow)
        await called

    def _call_next(self) -> None:
        while self._queue and len(self._waiting_since) < self._most:
            turn, called = self._queue.popleft()
            if not called.done():
                self._waiting_since[turn] = math.inf
                called.set_result(None)

    def _pass_over_slow(self) -> None:
        """Take their turns from clients that are waited for; look again while anybody queues."""
        loop = asyncio.get_running_loop()
        limit = loop.time() - self._patience
        for turn in [turn for turn, since in self._waiting_since.items() if since < limit]:
            del self._waiting_since[turn]
        self._call_next()
        self._look = loop.call_later(self._patience, self._pass_over_slow) if self._queue else None
