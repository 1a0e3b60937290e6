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
        seats.give_back(seat, lane)

    held = await seats.take("bulk")
    jobs = [asyncio.create_task(job(lane)) for lane in arrivals]
    await eventually(lambda: seats.waiting == len(arrivals))
    seats.give_back(held, "bulk")
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
    seats.give_back(held, "interactive")
    too_late.cancel()
    assert await asyncio.wait_for(waits, 5) == "seat"


async def test_a_seat_passes_by_who_has_just_given_up() -> None:
    """A job that is cancelled in the moment in which a seat becomes free takes nobody's turn."""
    seats = Seats(["seat"])
    held = await seats.take("interactive")
    gives_up = asyncio.create_task(seats.take("interactive"))
    waits = asyncio.create_task(seats.take("interactive"))
    await eventually(lambda: seats.waiting == 2)
    gives_up.cancel()
    seats.give_back(held, "interactive")
    assert await asyncio.wait_for(waits, 5) == "seat"
    assert gives_up.cancelled()


async def test_the_express_seat_is_for_interactive_jobs() -> None:
    """When bulk jobs have all ordinary seats, an interactive job begins at once, and no bulk job does."""
    seats = Seats(["one", "two"])
    first = await seats.take("bulk")
    await seats.take("bulk")
    waits = asyncio.create_task(seats.take("interactive"))
    more = asyncio.create_task(seats.take("bulk"))
    await eventually(lambda: seats.waiting == 2)
    seats.add_express("express")
    assert await asyncio.wait_for(waits, 5) == "express"
    assert (seats.in_hand("interactive"), seats.in_hand("bulk")) == (1, 4)
    seats.give_back("express", "interactive")
    assert (seats.taken, seats.waiting) == (2, 1)
    seats.give_back(first, "bulk")
    assert await asyncio.wait_for(more, 5) == first


async def test_interactive_jobs_alone_use_no_more_seats_than_there_are_cores() -> None:
    """The express seat adds no job to those that all cores are busy with already."""
    seats = Seats(["one", "two"])
    seats.add_express("express")
    taken = {await seats.take("interactive") for _ in range(2)}
    third = asyncio.create_task(seats.take("interactive"))
    await eventually(lambda: seats.waiting == 1)
    assert taken == {"one", "two"}
    third.cancel()
