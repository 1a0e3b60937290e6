"""Among replicas one carries a duty out, and none is forgotten when its replica dies."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, update

from mediamill_catalog import schedules
from mediamill_catalog.core import SCHEDULES
from mediamill_cleanup.duty import Duty, Run
from mediamill_cleanup.report import Report
from mediamill_cleanup.scheduler import CLAIM_SECONDS, Scheduler
from mediamill_cleanup.timetable import Timetable
from mediamill_database import Database
from mediamill_testing.waiting import eventually

from .conftest import HOUR, NOW

HOURLY = Timetable("0 * * * *", ZoneInfo("UTC"))
Work = Callable[[Run], Awaitable[Report]]


@dataclass
class Clock:
    """A clock that tests move."""

    now: datetime = NOW + timedelta(minutes=30)

    def __call__(self) -> datetime:
        """Return the present."""
        return self.now


@dataclass
class Diary:
    """A duty that writes down when it ran."""

    runs: list[datetime] = field(default_factory=list)

    async def __call__(self, run: Run) -> Report:
        """Be carried out."""
        self.runs.append(run.now)
        report = run.report()
        report.count("pages written", 1)
        return report


def hourly(work: Work) -> Duty:
    """Make a duty that is due at each full hour."""
    return Duty("diary", "Write.", HOURLY, work)


async def row_of(database: Database, name: str = "diary") -> Row[Any]:
    """Return a duty's row."""
    async with database.read() as session:
        return {row.name: row for row in await schedules.find_all(session)}[name]


async def test_one_of_many_replicas_runs_what_is_due(database: Database) -> None:
    """Five replicas look at the same moment, hour after hour: each hour has one run, and a report."""
    clock, diary = Clock(), Diary()
    replicas = [Scheduler(database, [hourly(diary)], clock=clock) for _ in range(5)]
    for _ in range(3):
        await asyncio.gather(*(replica.tick() for replica in replicas))
        await asyncio.gather(*(replica.idle() for replica in replicas))
        clock.now += HOUR
    assert diary.runs == [NOW + timedelta(minutes=90), NOW + timedelta(minutes=150)]
    row = await row_of(database)
    assert row.report["counts"] == {"pages written": 1}
    assert row.due_at == NOW + 3 * HOUR
    assert row.claimed_by is None


async def test_what_was_missed_is_made_up_once(database: Database) -> None:
    """After a day in which nobody was up, the duty runs at once, and then at the next full hour."""
    clock, diary = Clock(), Diary()
    await Scheduler(database, [hourly(diary)], clock=clock).tick()
    clock.now += 24 * HOUR
    late = Scheduler(database, [hourly(diary)], clock=clock)
    for _ in range(3):
        await late.tick()
        await late.idle()
    assert diary.runs == [clock.now]
    assert (await row_of(database)).due_at == NOW + 25 * HOUR


async def test_a_replica_that_dies_is_replaced(database: Database) -> None:
    """A claim that is not renewed runs out, and another replica does the work; before that it does not."""
    clock, diary = Clock(NOW + HOUR), Diary()
    async with database.write() as session:
        await schedules.plan(session, "diary", NOW, now=NOW)
        until = clock.now + timedelta(seconds=CLAIM_SECONDS)
        assert await schedules.claim(session, "diary", "the late one", now=clock.now, until=until)
    other = Scheduler(database, [hourly(diary)], clock=clock)
    await other.tick()
    await other.idle()
    assert diary.runs == []
    clock.now += timedelta(seconds=CLAIM_SECONDS + 1)
    await other.tick()
    await other.idle()
    assert diary.runs == [clock.now]


async def test_a_replica_that_is_stopped_leaves_its_duty_to_others(database: Database) -> None:
    """What a stop interrupts is due still, and another replica takes it up at once."""
    clock, diary, begun = Clock(NOW + HOUR), Diary(), asyncio.Event()

    async def endless(_run: Run) -> Report:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with database.write() as session:
        await schedules.plan(session, "diary", NOW, now=NOW)
    stopped = Scheduler(database, [hourly(endless)], clock=clock)
    await stopped.tick()
    await begun.wait()
    await stopped.stop()
    other = Scheduler(database, [hourly(diary)], clock=clock)
    await other.tick()
    await other.idle()
    assert diary.runs == [clock.now]


async def test_a_claim_is_kept_as_long_as_the_work_takes(database: Database) -> None:
    """A long run is renewed; who loses its claim to another all the same stops working."""
    clock, ended = Clock(NOW + HOUR), asyncio.Event()

    async def endless(_run: Run) -> Report:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    async with database.write() as session:
        await schedules.plan(session, "diary", NOW, now=NOW)
    slow = Scheduler(database, [hourly(endless)], clock=clock, claim_seconds=0.2)
    await slow.tick()
    first = (await row_of(database)).claimed_until
    clock.now += timedelta(seconds=0.1)

    async def renewed() -> bool:
        return bool((await row_of(database)).claimed_until > first)

    await eventually(renewed)
    async with database.write() as session:
        await session.execute(update(SCHEDULES).values(claimed_by="another"))
    await ended.wait()
    await slow.idle()
    row = await row_of(database)
    assert (row.claimed_by, row.finished_at) == ("another", None)


async def test_a_duty_that_fails_is_tried_again_soon(database: Database) -> None:
    """The failure is on record, and a nightly duty does not wait for the next night."""
    clock = Clock(NOW + HOUR)

    async def broken(_run: Run) -> Report:
        raise OSError("the store is away")

    nightly = Duty("diary", "Write.", Timetable("0 3 * * *", ZoneInfo("UTC")), broken)
    async with database.write() as session:
        await schedules.plan(session, "diary", NOW, now=NOW)
    scheduler = Scheduler(database, [nightly], clock=clock)
    await scheduler.tick()
    await scheduler.idle()
    row = await row_of(database)
    assert row.report == {"error": "OSError: the store is away"}
    assert row.due_at == clock.now + timedelta(minutes=5)
    assert row.claimed_by is None


async def test_a_new_timetable_holds_at_once(database: Database) -> None:
    """A restart with another cron expression does not wait for the time that the old one named."""
    clock = Clock()
    yearly = Duty("diary", "Write.", Timetable("0 0 1 1 *", ZoneInfo("UTC")), Diary())
    await Scheduler(database, [yearly], clock=clock).tick()
    await Scheduler(database, [hourly(Diary())], clock=clock).tick()
    assert (await row_of(database)).due_at == NOW + HOUR


async def test_a_dry_run_leaves_the_schedule_alone(database: Database) -> None:
    """Looking does not count as doing; a run by hand does, and nobody else runs the duty meanwhile."""
    clock, diary = Clock(), Diary()
    scheduler = Scheduler(database, [hourly(diary)], clock=clock)
    await scheduler.tick()
    await scheduler.run_now(hourly(diary), dry_run=True)
    assert (await row_of(database)).finished_at is None
    assert await scheduler.run_now(hourly(diary), dry_run=False) is not None
    assert (await row_of(database)).finished_at == clock.now
    async with database.write() as session:
        until = clock.now + HOUR
        await schedules.claim(session, "diary", "another", now=clock.now, until=until, only_due=False)
    assert await scheduler.run_now(hourly(diary), dry_run=False) is None
