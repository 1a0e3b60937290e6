"""Decoding stays within its memory, and everybody gets through."""

import asyncio

from mediamill_processor.sandbox.budget import PixelBudget


async def _crowd(budget: PixelBudget, sizes: list[int | None]) -> list[set[int]]:
    """Let one job of each size reserve in turn; return who was inside together, at each entry."""
    inside: set[int] = set()
    together: list[set[int]] = []

    async def job(number: int, pixels: int | None) -> None:
        async with budget.reserve(pixels):
            inside.add(number)
            together.append(set(inside))
            for _ in range(5):
                await asyncio.sleep(0)
            inside.remove(number)

    await asyncio.gather(*(job(number, pixels) for number, pixels in enumerate(sizes)))
    return together


async def test_jobs_share_the_budget_and_never_exceed_it() -> None:
    """Small jobs run together as far as their pixels fit."""
    together = await _crowd(PixelBudget(100), [40, 40, 40])
    assert max(len(group) for group in together) == 2


async def test_a_large_job_is_not_overtaken_for_ever() -> None:
    """Small jobs that came later wait until the large one had its turn."""
    together = await _crowd(PixelBudget(100), [60, 90, 10, 10])
    assert together[1] == {1}


async def test_a_job_larger_than_the_budget_runs_alone() -> None:
    """A picture beyond all bounds, or one that must be alone, gets the whole budget."""
    together = await _crowd(PixelBudget(100), [10, 5_000, None, 10])
    assert {1} in together
    assert {2} in together


async def test_a_cancelled_reservation_gives_its_room_back() -> None:
    """Who gives up while waiting blocks nobody."""
    budget = PixelBudget(100)
    async with budget.reserve(60):
        waiting = asyncio.create_task(_crowd(budget, [90]))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(60), budget.reserve(40):
            pass
    async with asyncio.timeout(60), budget.reserve(None):
        pass
