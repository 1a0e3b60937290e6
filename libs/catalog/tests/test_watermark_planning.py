"""Watermarks on media of any number: planned by pieces, by whoever is there, and counted without counting."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import watermark_jobs, watermark_planning, watermark_selection
from mediamill_catalog.core import WATERMARK_ITEMS
from mediamill_catalog.listing import MediaFilter
from mediamill_catalog.tables import MediaStatus
from mediamill_catalog.watermark_planning import PlanOvertakenError, WatermarkRequest
from mediamill_catalog.watermark_selection import Selection
from mediamill_contracts.watermark import RequestWatermark, WatermarkApplied
from mediamill_database import Database

from .rows import add_medium
from .world import MARK, World

ALL = WatermarkRequest("boss", MARK, wanted=MediaFilter())


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give a world without media, in which a transaction plans three."""
    monkeypatch.setattr("mediamill_catalog.watermark_selection._AT_ONCE", 3)
    return World(database)


async def planned(world: World, job_id: UUID) -> Counter[UUID]:
    """Return how many items of a job each medium has."""
    async with world.database.read() as session:
        found = await session.scalars(
            select(WATERMARK_ITEMS.c.media_id).where(WATERMARK_ITEMS.c.parent_id == job_id)
        )
        return Counter(found.all())


async def total(world: World, job_id: UUID) -> int:
    """Return how many media a job is about."""
    async with world.database.read() as session:
        details = await watermark_jobs.find(session, job_id)
    assert details is not None
    return int(details.job.total)


@pytest.mark.parametrize("named", [True, False], ids=["ids", "filter"])
async def test_requests_of_any_size_are_planned_piece_by_piece(world: World, named: bool) -> None:
    """Each transaction orders some, the job does not end before all are, and each medium is marked once."""
    ids = [await world.upload() for _ in range(7)]
    await add_medium(world.database, status=MediaStatus.FAILED)
    job = await world.begin_mark(WatermarkRequest("boss", MARK, media_ids=ids) if named else ALL)
    assert (len(world.pending(RequestWatermark)), await total(world, job)) == (3, 7)
    await world.settle()
    assert await world.job(job) == ("active", 3, 0)
    assert await world.plan_mark(job)
    assert len(world.pending(RequestWatermark)) == 3
    assert not await world.plan_mark(job)
    assert not await world.plan_mark(job)
    await world.settle()
    assert await world.job(job) == ("completed", 7, 0)
    assert await planned(world, job) == Counter(ids)


async def test_the_total_is_what_was_planned(world: World) -> None:
    """What was deleted before its turn is not waited for; what fits no piece more ends the job itself."""
    ids = sorted([await world.upload() for _ in range(4)])
    job = await world.begin_mark(ALL)
    await world.settle()
    await world.hide(ids[-1])
    assert (await world.job(job), await total(world, job)) == (("active", 3, 0), 4)
    assert not await world.plan_mark(job)
    assert (await world.job(job), await total(world, job)) == (("completed", 3, 0), 3)


async def test_of_several_who_plan_only_one_counts(world: World) -> None:
    """However they come between each other, each medium gets one order and is counted once."""
    ids = [await world.upload() for _ in range(8)]
    job = await world.begin_mark(ALL)

    async def plan_to_the_end() -> None:
        with suppress(PlanOvertakenError):
            while await world.plan_mark(job):
                pass

    await asyncio.gather(*(plan_to_the_end() for _ in range(3)))
    await plan_to_the_end()
    assert await planned(world, job) == Counter(ids)
    await world.settle()
    assert await world.job(job) == ("completed", 8, 0)


async def test_a_cancelled_job_gets_no_more_items(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was planning it at that moment is stopped; what was not planned is free for another job."""
    for _ in range(5):
        await world.upload()
    job = await world.begin_mark(ALL)

    async def take(session: AsyncSession, left: Selection) -> tuple[Sequence[UUID], Selection | None]:
        taken = await watermark_selection.take(session, left)
        await watermark_planning.stop_planning(session, job, now=world.now)
        return taken

    with monkeypatch.context() as patched:
        patched.setattr(watermark_planning, "take", take)
        with pytest.raises(PlanOvertakenError):
            await world.plan_mark(job)
    await world.cancel_mark(job)
    assert (await world.job(job), await total(world, job)) == (("cancelled", 0, 3), 3)
    assert not await world.plan_mark(job)
    await world.settle()
    assert (await world.job(job), sum((await planned(world, job)).values())) == (("cancelled", 0, 3), 3)
    again = await world.begin_mark(ALL)
    assert not await world.plan_mark(again)
    await world.settle()
    assert await world.job(again) == ("completed", 5, 0)


async def test_a_result_reads_no_other_items(world: World) -> None:
    """What it costs does not grow with the job: items are looked up by their own ids only."""
    for _ in range(2):
        await world.upload()
    job = await world.begin_mark(ALL)
    await world.deliver(*world.pending(RequestWatermark))
    (first, _) = world.pending(WatermarkApplied)
    conditions: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "watermark_item" in statement:
            conditions.append(statement.partition("WHERE ")[2])

    engine = world.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    await world.deliver(first)
    event.remove(engine, "before_cursor_execute", note)
    assert len(conditions) == 2
    assert all(condition.startswith("watermark_item.id = ") for condition in conditions)
    assert await world.job(job) == ("active", 1, 0)
