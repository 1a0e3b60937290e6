"""Group commit: batches form by themselves, and nobody pays for a neighbour's mistake."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from mediamill_ingest.group_commit import BURST, GroupCommit, Submitted

TRACE: ContextVar[str] = ContextVar("trace", default="none")


async def test_items_that_arrive_during_a_write_go_together() -> None:
    """The first goes alone and at once; what came meanwhile is one batch, each with its own result."""
    batches: list[list[int]] = []
    first_began, go_on = asyncio.Event(), asyncio.Event()

    async def write(batch: Sequence[Submitted[int]]) -> Sequence[int]:
        batches.append([submitted.item for submitted in batch])
        first_began.set()
        await go_on.wait()
        return [submitted.item * 10 for submitted in batch]

    group = GroupCommit(write)
    first = asyncio.create_task(group.submit(1))
    await first_began.wait()
    rest = [asyncio.create_task(group.submit(number)) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    go_on.set()
    assert [await task for task in (first, *rest)] == [10, 20, 30, 40]
    assert batches == [[1], [2, 3, 4]]


async def test_bad_item_fails_alone() -> None:
    """Its neighbours in the batch are written all the same."""

    async def write(batch: Sequence[Submitted[int]]) -> Sequence[int]:
        if any(submitted.item == 2 for submitted in batch):
            raise ValueError("two is bad")
        return [submitted.item for submitted in batch]

    group = GroupCommit(write)
    outcomes = await asyncio.gather(*(group.submit(n) for n in (1, 2, 3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [int, ValueError, int]


async def test_pace_lets_batches_gather() -> None:
    """The first few go at once; what comes soon after goes together, or at once when the batch is full."""
    batches: list[list[int]] = []

    async def write(batch: Sequence[Submitted[int]]) -> Sequence[None]:
        batches.append([submitted.item for submitted in batch])
        return [None] * len(batch)

    group = GroupCommit(write, most_items=3, pace_seconds=0.05)
    for number in range(BURST):
        await group.submit(number)
    early = asyncio.create_task(group.submit(10))
    for _ in range(5):
        await asyncio.sleep(0)
    await asyncio.gather(early, group.submit(11))
    assert batches == [[0], [1], [2], [10, 11]]

    patient = GroupCommit(write, most_items=3, pace_seconds=3600)
    for number in range(BURST):
        await patient.submit(number)
    await asyncio.gather(*(patient.submit(number) for number in (20, 21, 22)))
    assert batches[4:] == [[0], [1], [2], [20, 21, 22]]


async def test_large_crowd_is_split() -> None:
    """No batch is larger than it may be."""
    sizes: list[int] = []

    async def write(batch: Sequence[Submitted[int]]) -> Sequence[None]:
        sizes.append(len(batch))
        return [None] * len(batch)

    group = GroupCommit(write, most_items=4)
    await asyncio.gather(*(group.submit(number) for number in range(10)))
    assert sizes == [4, 4, 2]


async def test_cancelled_caller_learns_its_items_fate_first() -> None:
    """Whoever cleans up after a cancellation finds the write done, not under way."""
    began, go_on = asyncio.Event(), asyncio.Event()
    written: list[int] = []

    async def write(batch: Sequence[Submitted[int]]) -> Sequence[None]:
        began.set()
        await go_on.wait()
        written.extend(submitted.item for submitted in batch)
        return [None] * len(batch)

    caller = asyncio.create_task(GroupCommit(write).submit(7))
    await began.wait()
    caller.cancel()
    await asyncio.sleep(0)
    assert not caller.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert written == [7]


async def test_each_item_keeps_its_own_context() -> None:
    """A batch belongs to many traces; each item can be handled in its own."""
    seen: list[str] = []

    async def write(batch: Sequence[Submitted[str]]) -> Sequence[None]:
        seen.extend(submitted.context.run(TRACE.get) for submitted in batch)
        return [None] * len(batch)

    group = GroupCommit(write)

    async def submit(name: str) -> None:
        TRACE.set(name)
        await group.submit(name)

    await asyncio.gather(submit("a"), submit("b"))
    assert seen == ["a", "b"]


def test_end_of_the_loop_releases_everybody() -> None:
    """A process that stops in the middle of a write ends; it does not wait for that write for ever."""

    async def write(_batch: Sequence[Submitted[int]]) -> Sequence[None]:
        await asyncio.Event().wait()
        return []

    async def stop_half_way() -> None:
        group = GroupCommit(write, most_items=1)
        callers = [asyncio.create_task(group.submit(number)) for number in (1, 2)]
        await asyncio.wait(callers, timeout=0.05)

    asyncio.run(asyncio.wait_for(stop_half_way(), timeout=10))
