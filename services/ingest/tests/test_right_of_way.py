"""Admission makes way for uploads, but only then and only for a while."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from mediamill_ingest.right_of_way import CROWD, RightOfWay
from mediamill_testing.waiting import eventually

FOREVER = 60.0
"""Longer than any test waits: what returns sooner was let go for a reason."""


def busy_way(most_seconds: float = FOREVER) -> RightOfWay:
    """Return one whose process always uses a whole core."""
    return RightOfWay(most_seconds=most_seconds, cpu_clock=time.monotonic)


@contextmanager
def uploads(way: RightOfWay, count: int) -> Iterator[None]:
    """Have so many uploads received."""
    with ExitStack() as received:
        for _ in range(count):
            received.enter_context(way.receiving())
        yield


async def held(way: RightOfWay) -> asyncio.Task[None]:
    """Return an admission that has begun to wait."""
    await asyncio.sleep(0)
    admission = asyncio.create_task(way.give_way())
    await asyncio.sleep(0)
    assert not admission.done()
    return admission


@pytest.mark.parametrize("count", [0, 1, CROWD - 1])
async def test_a_few_uploads_hold_nothing_up(count: int) -> None:
    """On an idle system, and beside a handful of uploads, admission goes on at once."""
    way = busy_way()
    with uploads(way, count):
        await asyncio.sleep(0)
        await asyncio.wait_for(way.give_way(), FOREVER / 2)


async def test_a_crowd_comes_first_until_it_has_gone() -> None:
    """While many are served admission waits, and it goes on with the last of them."""
    way = busy_way()
    with uploads(way, CROWD):
        admission = await held(way)
    await asyncio.wait_for(admission, FOREVER / 2)


async def test_no_admission_waits_for_long() -> None:
    """A crowd that never ends does not starve workers."""
    way = busy_way(most_seconds=0.05)
    with uploads(way, CROWD):
        for _ in range(3):
            await asyncio.wait_for(await held(way), FOREVER / 2)


async def test_slow_uploads_need_no_way() -> None:
    """Many uploads over slow lines leave the process idle, and admission waits for one look at most."""
    way = RightOfWay(most_seconds=FOREVER, cpu_clock=lambda: 0.0)
    with uploads(way, CROWD * 10):
        await asyncio.wait_for(await held(way), FOREVER / 2)
        await asyncio.wait_for(way.give_way(), FOREVER / 2)


async def test_a_client_that_waits_for_its_result_is_not_kept_waiting() -> None:
    """With somebody waiting for a finished job, admission goes on whatever the crowd."""
    way = busy_way()
    with uploads(way, CROWD):
        admission = await held(way)
        with way.waiting_for_result():
            await asyncio.wait_for(admission, FOREVER / 2)
            await asyncio.wait_for(way.give_way(), FOREVER / 2)
        (await held(way)).cancel()


async def test_a_second_crowd_is_noticed() -> None:
    """What ended once begins again."""
    way = busy_way()
    for _ in range(2):
        with uploads(way, CROWD):
            await eventually(lambda: not way.is_free)
            admission = await held(way)
        await asyncio.wait_for(admission, FOREVER / 2)
