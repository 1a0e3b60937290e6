"""What is nearly done gets done, and nobody waits for ever."""

import asyncio
from contextlib import suppress

from mediamill_storage_sync.turns import OLDEST_EVERY, Turns


class _Line:
    """Callers that want turns of one place, and the order in which they had them."""

    def __init__(self) -> None:
        self.turns = Turns(1)
        self.had: list[str] = []

    async def come(self, name: str, left: int) -> "asyncio.Task[None]":
        """Begin to wait."""
        task = asyncio.create_task(self._wait(name, left))
        await asyncio.sleep(0)
        return task

    async def _wait(self, name: str, left: int) -> None:
        async with self.turns.turn(left):
            self.had.append(name)


async def test_who_has_the_least_left_is_next() -> None:
    """A single file goes before a batch's, and of two batches the one that is ahead."""
    line = _Line()
    async with line.turns.turn():
        tasks = [await line.come(name, left) for name, left in (("batch", 200), ("ahead", 120), ("one", 1))]
    await asyncio.gather(*tasks)
    assert line.had == ["one", "ahead", "batch"]


async def test_who_waits_longest_has_a_turn_among_smaller_ones() -> None:
    """However many small ones come in, the large one is not left behind for good."""
    line = _Line()
    async with line.turns.turn():
        tasks = [await line.come("batch", 200)]
        tasks += [await line.come(f"one {number}", 1) for number in range(3 * OLDEST_EVERY)]
    await asyncio.gather(*tasks)
    assert line.had.index("batch") < OLDEST_EVERY
    assert len(line.had) == 3 * OLDEST_EVERY + 1


async def test_who_gave_up_takes_no_turn() -> None:
    """A turn that nobody waits for any more goes to the next, also when it came at that moment."""
    line = _Line()
    async with line.turns.turn():
        waiting = await line.come("gone", 1)
        waiting.cancel()
        overtaken = await line.come("overtaken", 2)
        last = await line.come("last", 3)
    overtaken.cancel()
    for task in (waiting, overtaken):
        with suppress(asyncio.CancelledError):
            await task
    await asyncio.wait_for(last, 5)
    assert line.had == ["last"]
    async with line.turns.turn():
        assert line.had == ["last"]
