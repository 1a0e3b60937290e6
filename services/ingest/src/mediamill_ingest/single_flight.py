"""Callers who ask for the same thing at the same time share one answer."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

R = TypeVar("R")


class SingleFlight(Generic[R]):
    """Runs one piece of work a key at a time; it goes on when those who wait for it go away."""

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[R]] = {}

    async def run(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """Return or raise what the running work for this key comes to, or `work` if there is none."""
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(work())
            self._running[key] = task
            task.add_done_callback(lambda _: self._running.pop(key))
        return await asyncio.shield(task)
