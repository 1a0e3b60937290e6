"""Transfers on record: how they are cut, what a report changes, and that the counts are exact."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import select, update

from mediamill_catalog import media, sync_jobs, timeline
from mediamill_catalog.core import AUDIT, MEDIA, SYNC_ITEMS, VARIANTS
from mediamill_catalog.listing import MediaFilter
from mediamill_catalog.media import new_media
from mediamill_catalog.sync_dispatch import BATCHES_IN_FLIGHT
from mediamill_catalog.sync_jobs import SyncLimits, SyncRequest
from mediamill_catalog.sync_results import lost_run, record_progress, record_result
from mediamill_catalog.tables import MediaStatus, StorageStatus, SyncStatus
from mediamill_contracts import Message
from mediamill_contracts.ids import new_id
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import (
    MediaPurged,
    RequestSync,
    SyncCancelled,
    SyncCompleted,
    SyncFailure,
    SyncProgressed,
    SyncUpdated,
)
from mediamill_contracts.sync import (
    SyncStatus as ReportedStatus,
)
from mediamill_database import Database
from mediamill_outbox.tables import outbox

NOW = datetime(2026, 5, 17, 12, 0, tzinfo=UTC)
S3 = S3Location(bucket="media")
SMALL = SyncLimits(split_from=5, batch_files=4)
ORIGINAL, THUMB = 1_000, 100
M = TypeVar("M", bound=Message)


@dataclass
class Clock:
    """Moves on with every look, so that no two transactions share a time."""

    now: datetime = NOW

    def tick(self) -> datetime:
        """Return a time later than all before."""
        self.now += timedelta(seconds=1)
        return self.now


@dataclass
class Bench:
    """Drives sync jobs the way routes, workers and records do."""

    database: Database
    clock: Clock

    async def add(self, count: int = 1, **changes: Any) -> list[UUID]:
        """Add READY media of two objects each."""
        ids = [new_id() for _ in range(count)]
        rows = [_row(media_id) | changes for media_id in ids]
        variants = [_variant(media_id) for media_id in ids]
        async with self.database.write() as session:
            for row in rows:
                await session.execute(MEDIA.insert().values(row))
            await session.execute(VARIANTS.insert(), variants)
        return ids

    async def plan(
        self, operation: Any, ids: Sequence[UUID], limits: SyncLimits = SMALL, **more: Any
    ) -> UUID:
        """Ask for an operation on these media."""
        request = SyncRequest(operation, "root", media_ids=ids, s3=S3, **more)
        async with self.database.write() as session:
            return await sync_jobs.plan(session, request, limits, now=self.clock.tick())

    async def report(
        self,
        request: RequestSync,
        failed: dict[UUID, str] | None = None,
        *,
        status: ReportedStatus | None = None,
        reached: int | None = None,
    ) -> None:
        """Report a run as a worker does; media in `failed` lose their variant with this code."""
        event = completed(request, failed or {}, status, reached)
        async with self.database.write() as session:
            await record_result(session, event, now=self.clock.tick())

    async def sent(self, kind: type[M]) -> list[M]:
        """Return all messages of a type that were emitted so far, oldest first."""
        async with self.database.read() as session:
            found = await session.execute(
                select(outbox.c.payload).where(outbox.c.type == kind.wire_name).order_by(outbox.c.id)
            )
        return [kind.model_validate_json(payload) for payload in found.scalars()]

    async def job(self, job_id: UUID) -> sync_jobs.SyncJobDetails:
        """Return the job as routes show it."""
        async with self.database.read() as session:
            details = await sync_jobs.find(session, job_id)
        assert details is not None
        return details

    async def counts(self, job_id: UUID) -> tuple[SyncStatus, int, int, int, int]:
        """Return status, total, processed and failed files, and bytes."""
        job = (await self.job(job_id)).job
        return job.status, job.total_files, job.processed_files, job.failed_files, job.processed_bytes

    async def claims(self, ids: Sequence[UUID]) -> set[str]:
        """Return the storage statuses of media."""
        async with self.database.read() as session:
            return {row.storage_status.value for row in (await media.find_many(session, ids)).values()}


@pytest.fixture
def bench(database: Database) -> Bench:
    """Give a bench on either database."""
    return Bench(database, Clock())


def _row(media_id: UUID) -> dict[str, Any]:
    row = new_media(
        media_id=media_id,
        user_id="anna",
        kind="image",
        lane="interactive",
        file_name="cat.jpg",
        media_type="image/jpeg",
        size_bytes=ORIGINAL,
        sha256="a" * 64,
        original_key=f"permanent/{media_id}.jpg",
        entity_type="general",
        entity_id=None,
        alt=None,
        title=None,
        now=NOW,
    )
    return row | {"status": MediaStatus.READY}


def _variant(media_id: UUID) -> dict[str, Any]:
    return {
        "media_id": media_id,
        "name": "thumb",
        "key": f"permanent/{media_id}_thumb.webp",
        "media_type": "image/webp",
        "width": 10,
        "height": 10,
        "frames": 1,
        "size_bytes": THUMB,
        "sha256": "b" * 64,
    }


def completed(
    request: RequestSync,
    failed: dict[UUID, str],
    status: ReportedStatus | None = None,
    reached: int | None = None,
) -> SyncCompleted:
    """Return a worker's report on a run of which `reached` media were tried."""
    items = request.items[:reached]
    failures = tuple(
        SyncFailure(media_id=item.media_id, key=item.objects[-1].key, code=failed[item.media_id], detail="x")
        for item in items
        if item.media_id in failed
    )
    done = tuple(item.media_id for item in items if item.media_id not in failed)
    return SyncCompleted(
        sync_job_id=request.sync_job_id,
        parent_job_id=request.parent_job_id,
        run=request.run,
        requested_at=request.requested_at,
        operation=request.operation,
        delete_source=request.delete_source,
        status=status or ("partial_failed" if failures else "completed"),
        processed_files=sum(len(item.objects) for item in items) - len(failures),
        processed_bytes=0,
        done=done,
        failures=failures,
    )


async def test_few_files_are_one_job_and_many_a_parent_with_batches(bench: Bench) -> None:
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


async def test_filters_select_ready_media_only(bench: Bench) -> None:
    """A filter is the library's own; without a status it means what is READY."""
    avatars = await bench.add(2, entity_type="avatar")
    await bench.add(1, entity_type="avatar", status=MediaStatus.FAILED)
    await bench.add(1)
    request = SyncRequest("upload_to_s3", "root", wanted=MediaFilter(entity_type="avatar"), s3=S3)
    async with bench.database.write() as session:
        await sync_jobs.plan(session, request, SMALL, now=NOW)
    (sent,) = await bench.sent(RequestSync)
    assert [item.media_id for item in sent.items] == sorted(avatars)
    nobody = SyncRequest("upload_to_s3", "root", wanted=MediaFilter(entity_type="nobody"))
    async with bench.database.write() as session:
        with pytest.raises(sync_jobs.NothingToSyncError):
            await sync_jobs.plan(session, nobody, SMALL, now=NOW)


async def test_a_copy_becomes_a_claim_when_it_is_reported(bench: Bench) -> None:
    """Row, counts, results and timeline follow the report, and a second report changes nothing."""
    ids = await bench.add(2)
    job_id = await bench.plan("upload_to_s3", ids)
    (request,) = await bench.sent(RequestSync)
    assert await bench.claims(ids) == {"local"}
    for _ in range(2):
        await bench.report(request)
        assert await bench.claims(ids) == {"both"}
        assert await bench.counts(job_id) == (SyncStatus.COMPLETED, 4, 4, 0, 2 * (ORIGINAL + THUMB))
    results = (await bench.job(job_id)).results
    assert len(results) == 4
    assert {result["status"] for result in results} == {"done"}
    async with bench.database.read() as session:
        lines = [line.name for line in await timeline.of_media(session, ids[0])]
    assert lines == ["sync.completed"]
    assert [update.status for update in await bench.sent(SyncUpdated)][:2] == ["active", "completed"]


async def test_batches_that_end_at_once_add_up_in_the_parent(bench: Bench) -> None:
    """Reports recorded in parallel lose no file, and the last of them ends the parent."""
    ids = await bench.add(16)
    parent = await bench.plan("upload_to_s3", ids)
    requests = await bench.sent(RequestSync)
    bad = {requests[0].items[0].media_id: "checksum_mismatch"}
    await asyncio.gather(*(bench.report(request, bad) for request in requests))
    expected = 15 * (ORIGINAL + THUMB) + ORIGINAL
    assert await bench.counts(parent) == (SyncStatus.PARTIAL_FAILED, 32, 31, 1, expected)
    failed = [result for result in (await bench.job(parent)).results if result["status"] == "failed"]
    assert [result["code"] for result in failed] == ["checksum_mismatch"]


async def test_only_some_batches_are_in_flight(bench: Bench) -> None:
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


async def test_only_what_failed_is_sent_again(bench: Bench) -> None:
    """A retry is another run of the batch with the failed media alone; late words on the old one are lost."""
    ids = await bench.add(5)
    parent = await bench.plan("upload_to_s3", ids)
    first = await bench.sent(RequestSync)
    for request in first:
        await bench.report(request, {ids[1]: "s3_unavailable"})
    assert (await bench.counts(parent))[:4] == (SyncStatus.PARTIAL_FAILED, 10, 9, 1)
    async with bench.database.write() as session:
        await sync_jobs.retry(session, parent, now=bench.clock.tick())
    (again,) = (await bench.sent(RequestSync))[len(first) :]
    assert [item.media_id for item in again.items] == [ids[1]]
    assert (again.sync_job_id, again.run) == (first[0].sync_job_id, 1)
    assert (await bench.counts(parent))[:4] == (SyncStatus.ACTIVE, 10, 8, 0)
    await bench.report(first[0], {ids[1]: "s3_unavailable"})
    await bench.report(again)
    assert (await bench.counts(parent))[:4] == (SyncStatus.COMPLETED, 10, 10, 0)
    async with bench.database.write() as session:
        with pytest.raises(sync_jobs.NothingToRetryError):
            await sync_jobs.retry(session, parent, now=bench.clock.tick())


async def test_the_source_is_given_up_before_it_is_removed(bench: Bench) -> None:
    """With delete_source the job ends when the source is gone; until then nothing is copied back there."""
    ids = await bench.add(2)
    job_id = await bench.plan("upload_to_s3", ids, delete_source=True)
    (copy,) = await bench.sent(RequestSync)
    await bench.report(copy)
    assert await bench.claims(ids) == {"s3"}
    assert (await bench.job(job_id)).job.status is SyncStatus.ACTIVE
    removal = (await bench.sent(RequestSync))[-1]
    assert (removal.operation, removal.run) == ("delete_local", 1)

    refused = await bench.plan("download_from_s3", ids)
    assert (await bench.counts(refused))[:4] == (SyncStatus.FAILED, 4, 0, 4)
    assert {result["code"] for result in (await bench.job(refused)).results} == {"removal_pending"}

    await bench.report(removal)
    assert await bench.counts(job_id) == (SyncStatus.COMPLETED, 4, 4, 0, 2 * (ORIGINAL + THUMB))
    back = await bench.plan("download_from_s3", ids)
    await bench.report((await bench.sent(RequestSync))[-1])
    assert (await bench.job(back)).job.status is SyncStatus.COMPLETED
    assert await bench.claims(ids) == {"both"}


async def test_a_copy_that_a_removal_overtook_does_not_count(bench: Bench) -> None:
    """What was copied before the store was given up may be gone: the row does not claim it."""
    ids = await bench.add(1, storage_status=StorageStatus.BOTH)
    upload = await bench.plan("upload_to_s3", ids)
    removal = await bench.plan("delete_s3", ids)
    slow, quick = await bench.sent(RequestSync)
    await bench.report(quick)
    await bench.report(slow)
    assert await bench.claims(ids) == {"local"}
    assert (await bench.job(removal)).job.status is SyncStatus.COMPLETED
    details = await bench.job(upload)
    assert (details.job.status, details.results[0]["code"]) == (SyncStatus.FAILED, "overtaken")


async def test_the_last_copy_is_never_removed(bench: Bench) -> None:
    """Only media that are in both stores leave one; the row says so before the worker starts."""
    (only_here,) = await bench.add(1)
    (both,) = await bench.add(1, storage_status=StorageStatus.BOTH)
    job_id = await bench.plan("delete_local", [only_here, both, new_id()])
    (request,) = await bench.sent(RequestSync)
    assert [item.media_id for item in request.items] == [both]
    assert await bench.claims([both]) == {"s3"}
    await bench.report(request, {both: "last_copy"}, status="failed")
    assert await bench.claims([both]) == {"local"}
    assert (await bench.counts(job_id))[:4] == (SyncStatus.FAILED, 5, 1, 4)
    codes = [result["code"] for result in (await bench.job(job_id)).results if result["code"]]
    assert sorted(codes) == ["last_copy", "last_copy", "not_found"]


async def test_cancelled_jobs_count_what_was_done(bench: Bench) -> None:
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
        await sync_jobs.retry(session, parent, now=bench.clock.tick())
    sent = len(requests) + 1
    while len(again := await bench.sent(RequestSync)) > sent:
        await bench.report(again[sent])
        sent += 1
    assert (await bench.counts(parent))[:3] == (SyncStatus.COMPLETED, len(ids) * 2, len(ids) * 2)


async def test_progress_moves_counts_and_repeats_the_cancellation(bench: Bench) -> None:
    """Who polls sees a run advance; a worker that missed the cancellation hears it again."""
    ids = await bench.add(5)
    parent = await bench.plan("upload_to_s3", ids)
    request = (await bench.sent(RequestSync))[0]
    progress = SyncProgressed(
        sync_job_id=request.sync_job_id, processed_files=3, failed_files=1, processed_bytes=77
    )

    async def hear(event: SyncProgressed) -> None:
        async with bench.database.write() as session:
            await record_progress(session, event, now=bench.clock.tick())

    await hear(progress)
    assert await bench.counts(parent) == (SyncStatus.ACTIVE, 10, 3, 1, 77)
    await hear(progress.model_copy(update={"processed_files": 1}))
    await hear(progress.model_copy(update={"processed_files": 4, "run": 7}))
    assert (await bench.counts(parent))[2] == 3
    async with bench.database.write() as session:
        await sync_jobs.cancel(session, parent, now=bench.clock.tick())
    told = len(await bench.sent(SyncCancelled))
    await hear(progress)
    assert len(await bench.sent(SyncCancelled)) == told + 1


async def test_a_lost_run_fails_and_its_replay_mends_it(bench: Bench) -> None:
    """A dead letter ends the run with its code; the same run reported later is still taken."""
    ids = await bench.add(2)
    job_id = await bench.plan("upload_to_s3", ids)
    (request,) = await bench.sent(RequestSync)
    async with bench.database.write() as session:
        await record_result(session, lost_run(request, "crash_limit", "x"), now=bench.clock.tick())
    assert (await bench.counts(job_id))[:4] == (SyncStatus.FAILED, 4, 0, 4)
    await bench.report(request)
    assert (await bench.counts(job_id))[:4] == (SyncStatus.COMPLETED, 4, 4, 0)
    assert await bench.claims(ids) == {"both"}


async def test_deletion_for_good_hides_first_and_tells_when_the_bytes_are_gone(bench: Bench) -> None:
    """Media are hidden and audited when the job is made; what is being processed is left alone."""
    here, there = await bench.add(1), await bench.add(1, storage_status=StorageStatus.S3)
    busy = await bench.add(1, status=MediaStatus.PROCESSING)
    job_id = await bench.plan("hard_delete", [*here, *there, *busy], SyncLimits())
    (request,) = await bench.sent(RequestSync)
    assert {item.media_id: item.objects[0].store for item in request.items} == {
        here[0]: "local",
        there[0]: "s3",
    }
    async with bench.database.read() as session:
        rows = await media.find_many(session, [*here, *there, *busy])
        audited = (await session.execute(select(AUDIT.c.media_id, AUDIT.c.action))).all()
    assert {row.id for row in rows.values() if row.deleted_at and row.purge_requested_at} == {*here, *there}
    assert {row.media_id for row in audited} == {*here, *there}
    await bench.report(request)
    assert {event.media_id for event in await bench.sent(MediaPurged)} == {*here, *there}
    assert (await bench.counts(job_id))[:4] == (SyncStatus.PARTIAL_FAILED, 6, 4, 2)


async def test_jobs_are_listed_without_their_batches(bench: Bench) -> None:
    """Newest first, page by page."""
    jobs = [await bench.plan("upload_to_s3", await bench.add(5)) for _ in range(3)]
    async with bench.database.read() as session:
        page = await sync_jobs.list_jobs(session, limit=2)
        rest = await sync_jobs.list_jobs(session, limit=2, after=page.next)
    assert [row.id for row in [*page.items, *rest.items]] == jobs[::-1]
    assert rest.next is None


async def test_media_that_vanish_meanwhile_do_not_stop_a_report(bench: Bench) -> None:
    """A medium deleted while its copy was under way is a failed item, and the rest of the report counts."""
    ids = await bench.add(2)
    job_id = await bench.plan("upload_to_s3", ids)
    (request,) = await bench.sent(RequestSync)
    async with bench.database.write() as session:
        await session.execute(MEDIA.delete().where(MEDIA.c.id == ids[0]))
        await session.execute(update(SYNC_ITEMS).values(updated_at=NOW))
    await bench.report(request)
    assert (await bench.counts(job_id))[:4] == (SyncStatus.PARTIAL_FAILED, 4, 2, 2)
