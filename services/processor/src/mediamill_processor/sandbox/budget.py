"""Bounds the memory of concurrent decodes by their pixels, which tell far more than their number."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class PixelBudget:
    """Pixels that may be in the making at once; first come, first served, so large jobs do not starve."""

    def __init__(self, pixels: int) -> None:
        self._total = pixels
        self._left = pixels
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def reserve(self, pixels: int | None) -> AsyncIterator[None]:
        """Wait for room and hold it while the context lasts.

        None, or more than there is in total, takes all of it: the job runs alone.
        """
        wanted = self._total if pixels is None else min(pixels, self._total)
        await self._acquire(wanted)
        try:
            yield
        finally:
            self._release(wanted)

    async def _acquire(self, wanted: int) -> None:
        if not self._waiting and wanted <= self._left:
            self._left -= wanted
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (wanted, turn)
        self._waiting.append(entry)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(wanted)
            else:
                self._waiting.remove(entry)
                self._admit()
            raise

    def _release(self, pixels: int) -> None:
        self._left += pixels
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._left:
            wanted, turn = self._waiting.popleft()
            self._left -= wanted
            turn.set_result(None)
