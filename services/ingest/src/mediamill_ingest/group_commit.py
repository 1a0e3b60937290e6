"""Many small transactions as few larger ones: while one batch commits, the next one gathers.

An idle system writes each item at once and alone; a busy one pays for a transaction once per batch instead of
once per item, which is most of what an item costs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Generic, TypeVar

MOST_ITEMS = 64
"""Items in one transaction: enough to share its cost, few enough to answer the first of them soon."""
PACE_SECONDS = 0.1
"""Between batches that no caller waits for: what comes sooner, as it does under load only, gathers."""
BURST = 3
"""Batches that may follow each other at once after a quiet time: who brings a few pictures waits for none."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Submitted(Generic[T]):
    """An item and the context it was submitted in: its trace is not the trace of its batch."""

    item: T
    context: Context = field(default_factory=copy_context)


@dataclass(frozen=True)
class _Waiting(Generic[T, R]):
    submitted: Submitted[T]
    written: asyncio.Future[R]


class GroupCommit(Generic[T, R]):
    """Hands items that were submitted at about the same time to `write`, which returns one result for each.

    A batch that fails is repeated item by item, so that one bad item does not fail its neighbours.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Submitted[T]]], Awaitable[Sequence[R]]],
        *,
        most_items: int = MOST_ITEMS,
        pace_seconds: float = 0.0,
    ) -> None:
        """Begin a batch at most every `pace_seconds` on average, which an idle system never waits for."""
        self._write = write
        self._most_items = most_items
        self._pace = pace_seconds
        self._next_at = 0.0
        self._waiting: list[_Waiting[T, R]] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """Return the item's result once it is durable; raises what `write` raised for it.

        A cancellation that arrives meanwhile waits until the item's fate is known.
        """
        written: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(Submitted(item), written))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            return await asyncio.shield(written)
        except asyncio.CancelledError:
            await asyncio.wait([written])
            raise

    async def _run(self) -> None:
        try:
            await asyncio.sleep(0)
            while self._waiting:
                await self._gather_company()
                batch = self._waiting[: self._most_items]
                del self._waiting[: self._most_items]
                try:
                    await self._commit(batch)
                finally:
                    _give_up(batch)
        finally:
            self._task = None
            _give_up(self._waiting)
            self._waiting.clear()

    async def _gather_company(self) -> None:
        clock = asyncio.get_running_loop().time
        pause = self._next_at - clock()
        if pause > 0 and len(self._waiting) < self._most_items:
            await asyncio.sleep(pause)
        self._next_at = max(self._next_at, clock() - (BURST - 1) * self._pace) + self._pace

    async def _commit(self, batch: Sequence[_Waiting[T, R]]) -> None:
        try:
            results = await self._write([waiting.submitted for waiting in batch])
        except Exception as error:  # noqa: BLE001 - it is raised again where the item was submitted
            if len(batch) == 1:
                batch[0].written.set_exception(error)
                return
            for waiting in batch:
                await self._commit([waiting])
            return
        for waiting, result in zip(batch, results, strict=True):
            waiting.written.set_result(result)


def _give_up(batch: Sequence[_Waiting[T, R]]) -> None:
    """Release who still waits; only when the loop ends in the middle of a batch is there anybody."""
    for waiting in batch:
        waiting.written.cancel()
