"""Who waits for a seat gets one in the right order."""

import asyncio

from mediamill_contracts.recipe import Lane
from mediamill_processor.sandbox.lanes import BULK_TURN, Seats
from mediamill_testing.waiting import eventually


async def _order(arrivals: list[Lane]) -> list[Lane]:
    """Let jobs of these lanes queue for one seat, and return in which order they get it."""
    seats, served = Seats(["seat"]), []

    async def job(lane: Lane) -> None:
        seat = await seats.take(lane)
        served.append(lane)
        seats.give_back(seat)

    held = await seats.take("bulk")
    jobs = [asyncio.create_task(job(lane)) for lane in arrivals]
    await eventually(lambda: seats.waiting == len(arrivals))
    seats.give_back(held)
    await asyncio.gather(*jobs)
    assert (seats.taken, seats.waiting) == (0, 0)
    return served


async def test_interactive_jobs_go_first() -> None:
    """An interactive job that came last waits for nobody but the one that runs."""
    assert await _order(["bulk", "bulk", "interactive"]) == ["interactive", "bulk", "bulk"]


async def test_bulk_jobs_do_not_starve() -> None:
    """After enough interactive jobs in a row, a bulk job gets its turn."""
    interactive: list[Lane] = ["interactive"] * (BULK_TURN + 5)
    served = await _order(["bulk", *interactive])
    assert served.index("bulk") == BULK_TURN


async def test_a_cancelled_wait_loses_no_seat() -> None:
    """Who gives up, before or after the seat was passed on, leaves it to the next."""
    seats = Seats(["seat"])
    held = await seats.take("interactive")
    gives_up = asyncio.create_task(seats.take("interactive"))
    too_late = asyncio.create_task(seats.take("interactive"))
    waits = asyncio.create_task(seats.take("bulk"))
    await eventually(lambda: seats.waiting == 3)
    gives_up.cancel()
    await asyncio.gather(gives_up, return_exceptions=True)
    seats.give_back(held)
    too_late.cancel()
    assert await asyncio.wait_for(waits, 5) == "seat"
