"""Accepting comes before admitting: who uploads waits for an answer, and what was accepted is safe already.

Both share a process. While many uploads come in at once and leave it little time, admission holds back; it
never stops, so that workers find orders meanwhile, and what is admitted then shares its transactions.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

CROWD = 5
"""Uploads at once that are worth making way for."""
MOST_SECONDS = 1.0
"""Longest wait of one admission. With as many side by side as their queue allows, this bounds their rate."""
LOOK_SECONDS = 0.1
"""Between two looks at how busy the process is."""
BUSY = 0.5
"""Share of a core that the event loop uses when uploads and admission get in each other's way. Uploads over
slow lines stay far below: they need no way made for them, however many there are."""


class RightOfWay:
    """Knows how many uploads are being received, and lets admission wait for them a little."""

    def __init__(
        self, *, most_seconds: float = MOST_SECONDS, cpu_clock: Callable[[], float] = time.thread_time
    ) -> None:
        """Count from none; `cpu_clock` tells the seconds of CPU that the event loop's thread has used."""
        self._most_seconds = most_seconds
        self._cpu_clock = cpu_clock
        self._uploads = 0
        self._watched_jobs = 0
        self._crowded = False
        self._free = asyncio.Event()
        self._free.set()
        self._watch: asyncio.Task[None] | None = None

    @property
    def is_free(self) -> bool:
        """Whether admission may go on now."""
        return self._free.is_set()

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Have the right of way: an upload is being received and accepted."""
        self._uploads += 1
        if self._uploads >= CROWD and self._watch is None:
            self._watch = asyncio.create_task(self._look(), name="right-of-way")
        try:
            yield
        finally:
            self._uploads -= 1
            if self._uploads < CROWD:
                self._set(crowded=False)

    @contextmanager
    def waiting_for_result(self) -> Iterator[None]:
        """Let nothing hold back: a client waits until its job has ended."""
        self._watched_jobs += 1
        self._set(crowded=self._crowded)
        try:
            yield
        finally:
            self._watched_jobs -= 1
            self._set(crowded=self._crowded)

    async def give_way(self) -> None:
        """Return at once unless uploads need the time; then when they do not any more, or a second later."""
        if self.is_free:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._most_seconds):
                await self._free.wait()

    async def _look(self) -> None:
        """Tell again and again whether the crowd leaves time; until the first look it is taken as busy."""
        clock = asyncio.get_running_loop().time
        try:
            self._set(crowded=True)
            while self._uploads >= CROWD:
                wall, cpu = clock(), self._cpu_clock()
                await asyncio.sleep(LOOK_SECONDS)
                used = (self._cpu_clock() - cpu) / (clock() - wall)
                self._set(crowded=self._uploads >= CROWD and used > BUSY)
        finally:
            self._watch = None
            self._set(crowded=False)

    def _set(self, *, crowded: bool) -> None:
        self._crowded = crowded
        if crowded and not self._watched_jobs:
            self._free.clear()
        else:
            self._free.set()
