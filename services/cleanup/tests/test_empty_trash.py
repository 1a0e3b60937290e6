"""Deleted media go when their retention ends; a restore that comes in time always wins."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from mediamill_catalog import audit, media, purges, trash
from mediamill_catalog.settings import PlatformSettings
from mediamill_cleanup.duty import Run
from mediamill_cleanup.usecases.empty_trash import empty_trash
from mediamill_contracts.sync import RequestPurge
from mediamill_database import Database

from .conftest import DAY, NOW, Bench

PLATFORM = PlatformSettings(soft_delete_retention_days=30)
LIMIT = NOW - 30 * DAY


async def in_trash(bench: Bench, since: timedelta = 31 * DAY) -> UUID:
    """Insert a medium that was deleted so long before `NOW`."""
    return await bench.medium(deleted_at=NOW - since, deleted_by="user-1")


async def test_what_is_past_its_retention_is_removed_for_good(bench: Bench, run: Run) -> None:
    """Objects and row are asked to go, with a line in the audit; younger trash is left alone."""
    old, young, visible = await in_trash(bench), await in_trash(bench, 29 * DAY), await bench.medium()
    report = await empty_trash(bench.database, PLATFORM, run)
    [request] = await bench.emitted(RequestPurge)
    assert (request.media_id, request.final) == (old, True)
    assert (await bench.find(old)).purge_requested_at == NOW
    assert [(await bench.find(each)).purge_requested_at for each in (young, visible)] == [None, None]
    assert report.named == {"media removed from the trash": [str(old)]}
    async with bench.database.read() as session:
        [line] = await audit.of_media(session, old)
    assert (line.actor, line.action) == ("system", audit.PURGE_REQUESTED)


async def test_each_is_asked_for_once_and_again_when_it_gets_stuck(bench: Bench, run: Run) -> None:
    """A second run has nothing to do; hours later, what is still there is asked to go once more."""
    await in_trash(bench)
    await empty_trash(bench.database, PLATFORM, run)
    again = await empty_trash(bench.database, PLATFORM, run)
    assert not +again.counts
    later = await empty_trash(bench.database, PLATFORM, Run(NOW + timedelta(hours=2)))
    assert later.counts["unfinished removals asked for again"] == 1
    assert len(await bench.emitted(RequestPurge)) == 2


async def test_one_that_never_ends_holds_up_no_other(
    bench: Bench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many removals are stuck, each is asked for again."""
    monkeypatch.setattr("mediamill_cleanup.usecases.empty_trash.BATCH", 2)
    stuck = {await in_trash(bench) for _ in range(5)}
    await empty_trash(bench.database, PLATFORM, run)
    later = await empty_trash(bench.database, PLATFORM, Run(NOW + timedelta(hours=2)))
    assert later.counts["unfinished removals asked for again"] == 5
    requests = [request.media_id for request in await bench.emitted(RequestPurge)]
    assert sorted(requests) == sorted([*stuck, *stuck])


async def test_operators_can_keep_the_trash(bench: Bench, run: Run) -> None:
    """With automatic cleanup disabled nothing goes by itself."""
    old = await in_trash(bench)
    report = await empty_trash(bench.database, PlatformSettings(auto_cleanup_enabled=False), run)
    assert (await bench.find(old)).purge_requested_at is None
    assert "disabled" in report.notes[0]


async def test_a_dry_run_removes_nothing(bench: Bench, dry_run: Run) -> None:
    """It names what would go."""
    old = await in_trash(bench)
    report = await empty_trash(bench.database, PLATFORM, dry_run)
    assert report.named == {"media removed from the trash": [str(old)]}
    assert (await bench.find(old)).purge_requested_at is None
    assert await bench.emitted(RequestPurge) == []


async def test_a_restore_after_the_look_and_before_the_lock_wins(bench: Bench) -> None:
    """The list was read, then the owner restored: the row is judged again, and nothing of it is removed."""
    old = await in_trash(bench)
    async with bench.database.read() as session:
        found = await trash.deleted_before(session, LIMIT, count=10)
    assert [row.id for row in found] == [old]
    async with bench.database.write() as session:
        assert await media.unhide(session, old, now=NOW)
    async with bench.database.write() as session:
        going = await purges.request_purge(
            session, [old], actor="system", settings=PLATFORM, now=NOW, deleted_before=LIMIT
        )
    assert going == []
    assert await bench.emitted(RequestPurge) == []
    assert (await bench.find(old)).deleted_at is None


async def test_a_restore_after_the_decision_is_refused(bench: Bench, run: Run) -> None:
    """Once removal was asked for it is never taken back: the owner is not shown what is about to vanish."""
    old = await in_trash(bench)
    await empty_trash(bench.database, PLATFORM, run)
    async with bench.database.write() as session:
        assert not await media.unhide(session, old, now=NOW)


@pytest.mark.parametrize("first", ["cleanup", "restore"])
@pytest.mark.parametrize("either_database", ["postgres"], indirect=True)
async def test_of_both_at_once_exactly_one_has_its_way(
    migrated_postgres_url: str, bench: Bench, first: str
) -> None:
    """On PostgreSQL, with open transactions side by side: whoever locks first decides, the other sees it."""
    old = await in_trash(bench)
    other = Database(migrated_postgres_url)
    entered, may_commit = asyncio.Event(), asyncio.Event()

    async def cleanup(database: Database, *, leads: bool) -> bool:
        async with database.write() as session:
            going = await purges.request_purge(
                session, [old], actor="system", settings=PLATFORM, now=NOW, deleted_before=LIMIT
            )
            await hold(leads)
            return bool(going)

    async def restore(database: Database, *, leads: bool) -> bool:
        async with database.write() as session:
            restored = await media.unhide(session, old, now=NOW)
            await hold(leads)
            return restored

    async def hold(leads: bool) -> None:
        if leads:
            entered.set()
            await may_commit.wait()

    ahead, behind = (cleanup, restore) if first == "cleanup" else (restore, cleanup)
    leading = asyncio.create_task(ahead(bench.database, leads=True))
    await entered.wait()
    following = asyncio.create_task(behind(other, leads=False))
    await asyncio.wait([following], timeout=0.2)
    assert not following.done()
    may_commit.set()
    assert (await leading, await following) == (True, False)
    row = await bench.find(old)
    purged = first == "cleanup"
    assert (row.purge_requested_at is not None, row.deleted_at is not None) == (purged, purged)
    assert bool(await bench.emitted(RequestPurge)) == purged
    await other.close()
