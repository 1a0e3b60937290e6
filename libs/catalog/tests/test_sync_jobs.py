"""Transfers on record: how they are cut and sent out, cancelled, retried and listed."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, event, select, text

from mediamill_catalog import media, sync_jobs, sync_planning
from mediamill_catalog.core import MEDIA, SYNC_ITEMS
from mediamill_catalog.listing import MediaFilter
from mediamill_catalog.sync_dispatch import BATCHES_IN_FLIGHT
from mediamill_catalog.sync_planning import NothingToSyncError, SyncLimits, SyncRequest
from mediamill_catalog.tables import MediaStatus, SyncStatus
from mediamill_contracts.ids import new_id
from mediamill_contracts.sync import RequestSync, SyncCancelled
from mediamill_testing.rows import medium_row
from mediamill_testing.waiting import eventually

from .sync_bench import NOW, S3, SMALL, SyncBench


async def test_few_files_are_one_job_and_many_a_parent_with_batches(bench: SyncBench) -> None:
    """Below the limit there are no children; from it on, batches that keep a medium's files together."""
    single = await bench.plan("upload_to_s3", await bench.add(2))
    assert (await bench.job(single)).children == []
    parent = await bench.plan("upload_to_s3", await bench.add(5))
    details = await bench.job(parent)
    assert details.job.is_parent
    assert [child.total_files for child in details.children] == [4, 4, 2]
    assert [child.batch_size for child in details.children] == [2, 2, 1]
    requests = await bench.sent(RequestSync)
    assert [len(request.items) for request in requests] == [2, 2, 2, 1]
    assert {ref.store for request in requests for item in request.items for ref in item.objects} == {"local"}


async def test_limits_follow_the_database() -> None:
    """SQLite gets smaller batches, and what cannot fit a message is refused."""
    assert SyncLimits.of_dialect("postgresql") == SyncLimits(split_from=100, batch_files=200)
    assert SyncLimits.of_dialect("sqlite") == SyncLimits(split_from=50, batch_files=50)
    with pytest.raises(ValueError, match="200"):
        SyncLimits(batch_files=201)


async def test_filters_select_ready_media_only(bench: SyncBench) -> None:
    """A filter is the library's own; without a status it means what is READY."""
    avatars = await bench.add(2, entity_type="avatar")
    await bench.add(1, entity_type="avatar", status=MediaStatus.FAILED)
    await bench.add(1)
    request = SyncRequest("upload_to_s3", "root", wanted=MediaFilter(entity_type="avatar"), s3=S3)
    async with bench.database.write() as session:
        await sync_planning.plan(session, request, SMALL, now=NOW)
    (sent,) = await bench.sent(RequestSync)
    assert [item.media_id for item in sent.items] == sorted(avatars)
    nobody = SyncRequest("upload_to_s3", "root", wanted=MediaFilter(entity_type="nobody"))
    async with bench.database.write() as session:
        with pytest.raises(NothingToSyncError):
            await sync_planning.plan(session, nobody, SMALL, now=NOW)


@pytest.mark.parametrize("named", [True, False], ids=["ids", "filter"])
async def test_requests_of_any_size_are_read_and_written_piece_by_piece(
    bench: SyncBench, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """Where more is asked for than is held in memory, each medium is in one batch, and counted once."""
    monkeypatch.setattr("mediamill_catalog.sync_selection._AT_ONCE", 3)
    monkeypatch.setattr("mediamill_catalog.sync_planning._ITEMS_AT_ONCE", 2)
    ids = sorted(await bench.add(8))
    chosen: dict[str, Any] = {"media_ids": ids} if named else {"wanted": MediaFilter()}
    request = SyncRequest("upload_to_s3", "root", s3=S3, **chosen)
    async with bench.database.write() as session:
        job_id = await sync_planning.plan(session, request, SMALL, now=NOW)
    async with bench.database.read() as session:
        details = await sync_jobs.find(session, job_id)
        items = await session.execute(select(SYNC_ITEMS.c.job_id, SYNC_ITEMS.c.media_id))
    assert details is not None
    assert (details.job.total_files, details.job.batch_size) == (16, 4)
    assert [(child.batch_index, child.total_files) for child in details.children] == [
        (index, 4) for index in range(4)
    ]
    batch_of = {row.media_id: row.job_id for row in items}
    assert [batch_of[media_id] for media_id in ids] == [
        child.id for child in details.children for _ in range(2)
    ]


async def test_only_some_batches_are_in_flight(bench: SyncBench) -> None:
    """The next batch goes out when one has ended, until all have."""
    ids = await bench.add(2 * BATCHES_IN_FLIGHT + 3)
    parent = await bench.plan("upload_to_s3", ids, SyncLimits(split_from=5, batch_files=2))
    reported = 0
    while len(requests := await bench.sent(RequestSync)) > reported:
        assert len(requests) <= BATCHES_IN_FLIGHT + reported
        await bench.report(requests[reported])
        reported += 1
    assert reported == len(ids)
    assert (await bench.job(parent)).job.status is SyncStatus.COMPLETED


async def test_only_what_failed_is_sent_again(bench: SyncBench) -> None:
    """A retry is another run of the batch with the failed media alone; late words on the old one are lost."""
    ids = await bench.add(5)
    parent = await bench.plan("upload_to_s3", ids)
    first = await bench.sent(RequestSync)
    for request in first:
        await bench.report(request, {ids[1]: "s3_unavailable"})
    assert (await bench.counts(parent))[:4] == (SyncStatus.PARTIAL_FAILED, 10, 9, 1)
    async with bench.database.write() as session:
        await sync_jobs.retry(session, parent, s3=S3, now=bench.clock.tick())
    (again,) = (await bench.sent(RequestSync))[len(first) :]
    assert [item.media_id for item in again.items] == [ids[1]]
    assert (again.sync_job_id, again.run) == (first[0].sync_job_id, 1)
    assert (await bench.counts(parent))[:4] == (SyncStatus.ACTIVE, 10, 8, 0)
    await bench.report(first[0], {ids[1]: "s3_unavailable"})
    await bench.report(again)
    assert (await bench.counts(parent))[:4] == (SyncStatus.COMPLETED, 10, 10, 0)
    async with bench.database.write() as session:
        with pytest.raises(sync_jobs.NothingToRetryError):
            await sync_jobs.retry(session, parent, s3=S3, now=bench.clock.tick())


async def test_cancelled_jobs_count_what_was_done(bench: SyncBench) -> None:
    """Waiting batches are not sent, workers are told of the others, and their last words still count."""
    ids = await bench.add(2 * BATCHES_IN_FLIGHT)
    parent = await bench.plan("upload_to_s3", ids, SyncLimits(split_from=5, batch_files=2))
    requests = await bench.sent(RequestSync)
    await bench.report(requests[0])
    async with bench.database.write() as session:
        await sync_jobs.cancel(session, parent, now=bench.clock.tick())
    (told,) = await bench.sent(SyncCancelled)
    assert {run.sync_job_id for run in told.runs} == {
        request.sync_job_id for request in (await bench.sent(RequestSync))[1:]
    }
    await bench.report(requests[1])
    await bench.report(requests[2], status="cancelled", reached=0)
    assert (await bench.counts(parent))[:4] == (SyncStatus.CANCELLED, 4 * BATCHES_IN_FLIGHT, 4, 0)
    assert len(await bench.sent(RequestSync)) == BATCHES_IN_FLIGHT + 1
    async with bench.database.write() as session:
        with pytest.raises(sync_jobs.SyncJobClosedError):
            await sync_jobs.cancel(session, parent, now=bench.clock.tick())
        await session.rollback()
    async with bench.database.write() as session:
        await sync_jobs.retry(session, parent, s3=S3, now=bench.clock.tick())
    sent = len(requests) + 1
    while len(again := await bench.sent(RequestSync)) > sent:
        await bench.report(again[sent])
        sent += 1
    assert (await bench.counts(parent))[:3] == (SyncStatus.COMPLETED, len(ids) * 2, len(ids) * 2)


async def test_jobs_are_listed_without_their_batches(bench: SyncBench) -> None:
    """Newest first, page by page."""
    jobs = [await bench.plan("upload_to_s3", await bench.add(5)) for _ in range(3)]
    async with bench.database.read() as session:
        page = await sync_jobs.list_jobs(session, limit=2)
        rest = await sync_jobs.list_jobs(session, limit=2, after=page.next)
    assert [row.id for row in [*page.items, *rest.items]] == jobs[::-1]
    assert rest.next is None


@pytest.mark.parametrize("either_database", ["postgres"], indirect=True)
async def test_media_to_be_deleted_are_locked_in_the_order_of_their_ids(bench: SyncBench) -> None:
    """Who waits for the first of them holds no other, wherever they are stored: nobody waits for him."""
    first, last = sorted([new_id(), new_id()])
    for media_id in (last, first):
        async with bench.database.write() as session:
            await media.add(session, [medium_row(media_id, now=NOW)])

    @event.listens_for(bench.database.engine.sync_engine, "begin")
    def read_as_stored(connection: Connection) -> None:
        connection.exec_driver_sql("SET LOCAL enable_indexscan = off")

    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    async def waits() -> bool:
        async with bench.database.read() as session:
            return bool(await session.scalar(waiting))

    async with bench.database.write() as holder:
        await media.find(holder, first, lock=True)
        deletion = asyncio.create_task(bench.plan("hard_delete", [last, first]))
        await eventually(waits)
        is_free = select(MEDIA.c.id).where(MEDIA.c.id == last).with_for_update(skip_locked=True)
        assert await holder.scalar(is_free) == last
    await deletion
