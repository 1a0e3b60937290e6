"""Who may transfer next: whoever has the least left, so that what is nearly done gets done.

One upload's few files do not wait behind batches of hundreds, and a batch that is ahead ends while others
transfer: its report is recorded meanwhile, and the next batch comes in, instead of all ending at once.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

OLDEST_EVERY = 4
"""Each so many turns one goes to who waits longest: whatever comes in, nobody waits for ever."""


class Turns:
    """So many turns at the same time, shared by all runs of the process."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._least_left: list[tuple[int, int, asyncio.Future[None]]] = []
        self._oldest = deque[asyncio.Future[None]]()
        self._arrivals = count()
        self._given = 0

    @asynccontextmanager
    async def turn(self, left: int = 1) -> AsyncIterator[None]:
        """Wait for a turn and hold it; `left` is how many more the caller needs, this one included."""
        await self._take(left)
        try:
            yield
        finally:
            self._give_back()

    async def _take(self, left: int) -> None:
        if self._free:
            self._free -= 1
            return
        mine = asyncio.get_running_loop().create_future()
        heapq.heappush(self._least_left, (left, next(self._arrivals), mine))
        self._oldest.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled():  # the turn came at the same moment
                self._give_back()
            raise

    def _give_back(self) -> None:
        following = self._following()
        if following is None:
            self._free += 1
        else:
            following.set_result(None)

    def _following(self) -> asyncio.Future[None] | None:
        """Return who is next; each stands in both lines, and has left one when the other comes to it."""
        self._given += 1
        if self._given % OLDEST_EVERY == 0:
            while self._oldest:
                if not (waiting := self._oldest.popleft()).done():
                    return waiting
        while self._least_left:
            if not (waiting := heapq.heappop(self._least_left)[2]).done():
                return waiting
        return None
