"""What a worker's report changes: claims, counts that are exact, and what the next run is told."""

import asyncio

from sqlalchemy import select, update

from mediamill_catalog import media, sync_jobs, timeline
from mediamill_catalog.core import AUDIT, MEDIA, SYNC_ITEMS
from mediamill_catalog.sync_planning import SyncLimits
from mediamill_catalog.sync_results import lost_run, record_progress, record_result
from mediamill_catalog.tables import MediaStatus, StorageStatus, SyncStatus
from mediamill_contracts.ids import new_id
from mediamill_contracts.sync import MediaPurged, RequestSync, SyncCancelled, SyncProgressed, SyncUpdated

from .sync_bench import NOW, ORIGINAL, S3, THUMB, SyncBench


async def test_a_copy_becomes_a_claim_when_it_is_reported(bench: SyncBench) -> None:
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


async def test_batches_that_end_at_once_add_up_in_the_parent(bench: SyncBench) -> None:
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


async def test_the_source_is_given_up_before_it_is_removed(bench: SyncBench) -> None:
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


async def test_a_copy_that_a_removal_overtook_does_not_count(bench: SyncBench) -> None:
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


async def test_a_copy_in_another_bucket_does_not_count(bench: SyncBench) -> None:
    """The bucket was changed while it was under way: nothing is claimed, and a retry goes to the new one."""
    ids = await bench.add(1)
    job_id = await bench.plan("upload_to_s3", ids, delete_source=True)
    (request,) = await bench.sent(RequestSync)
    bench.s3 = S3.model_copy(update={"bucket": "elsewhere"})
    await bench.report(request)
    assert await bench.claims(ids) == {"local"}
    details = await bench.job(job_id)
    assert (details.job.status, details.results[0]["code"]) == (SyncStatus.FAILED, "overtaken")
    async with bench.database.write() as session:
        await sync_jobs.retry(session, job_id, s3=bench.s3, now=bench.clock.tick())
    again = (await bench.sent(RequestSync))[-1]
    assert again.s3 == bench.s3
    bench.s3 = bench.s3.model_copy(update={"region": "eu-central-1"})
    await bench.report(again)
    assert await bench.claims(ids) == {"s3"}, "a corrected region leaves the bytes where they are"


async def test_the_last_copy_is_never_removed(bench: SyncBench) -> None:
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


async def test_progress_moves_counts_and_repeats_the_cancellation(bench: SyncBench) -> None:
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


async def test_a_lost_run_fails_and_its_replay_mends_it(bench: SyncBench) -> None:
    """A dead letter ends the run with its code; the same run reported later is still taken."""
    ids = await bench.add(2)
    job_id = await bench.plan("upload_to_s3", ids)
    (request,) = await bench.sent(RequestSync)
    async with bench.database.write() as session:
        await record_result(session, lost_run(request, "crash_limit", "x"), s3=S3, now=bench.clock.tick())
    assert (await bench.counts(job_id))[:4] == (SyncStatus.FAILED, 4, 0, 4)
    await bench.report(request)
    assert (await bench.counts(job_id))[:4] == (SyncStatus.COMPLETED, 4, 4, 0)
    assert await bench.claims(ids) == {"both"}


async def test_deletion_for_good_hides_first_and_tells_when_the_bytes_are_gone(bench: SyncBench) -> None:
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


async def test_media_that_vanish_meanwhile_do_not_stop_a_report(bench: SyncBench) -> None:
    """A medium deleted while its copy was under way is a failed item, and the rest of the report counts."""
    ids = await bench.add(2)
    job_id = await bench.plan("upload_to_s3", ids)
    (request,) = await bench.sent(RequestSync)
    async with bench.database.write() as session:
        await session.execute(MEDIA.delete().where(MEDIA.c.id == ids[0]))
        await session.execute(update(SYNC_ITEMS).values(updated_at=NOW))
    await bench.report(request)
    assert (await bench.counts(job_id))[:4] == (SyncStatus.PARTIAL_FAILED, 4, 2, 2)


async def test_deletion_for_good_needs_no_s3(bench: SyncBench) -> None:
    """Where there is none, only what a row claims to be there is looked for there."""
    bench.s3 = None
    here, both = await bench.add(1), await bench.add(1, storage_status=StorageStatus.BOTH)
    await bench.plan("hard_delete", [*here, *both], SyncLimits(), delete_source=True)
    (request,) = await bench.sent(RequestSync)
    stores = {item.media_id: item.objects[0].store for item in request.items}
    assert stores == {here[0]: "local", both[0]: "s3"}
