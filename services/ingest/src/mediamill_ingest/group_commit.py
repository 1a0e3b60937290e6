"""Many small writes as few transactions: while one batch commits, the next one gathers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class GroupCommit(Generic[T]):
    """Hands items that were submitted at about the same time to `write` together.

    `linger_seconds` is how long the first item of a batch waits for company.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], Awaitable[None]],
        *,
        linger_seconds: float,
        most_items: int = 200,
    ) -> None:
        self._write = write
        self._linger_seconds = linger_seconds
        self._most_items = most_items
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> None:
        """Return once the item was written; raises what `write` raised for its batch."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, written))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await written

    async def _run(self) -> None:
        try:
            await asyncio.sleep(self._linger_seconds)
            while self._waiting:
                batch = self._waiting[: self._most_items]
                del self._waiting[: self._most_items]
                await self._commit(batch)
        finally:
            self._task = None

    async def _commit(self, batch: list[tuple[T, asyncio.Future[None]]]) -> None:
        error: Exception | None = None
        try:
            await self._write([item for item, _ in batch])
        except Exception as failure:  # noqa: BLE001 - it is raised again where each item was submitted
            error = failure
        for _, written in batch:
            if written.done():
                continue
            if error is None:
                written.set_result(None)
            else:
                written.set_exception(error)
