"""Records: each job ends once, whatever comes late, twice or in the wrong order."""

import asyncio

from mediamill_catalog.tables import JobStatus, MediaStatus
from mediamill_contracts.media import (
    MediaDeleted,
    MediaFailed,
    MediaProcessed,
    MediaReady,
    MediaRejected,
    MediaRestored,
)
from mediamill_ingest.usecases.cancel_job import cancel_job
from mediamill_ingest.usecases.hide_media import hide_media, restore_media
from mediamill_ingest.usecases.record_failure import FailureRecords
from mediamill_ingest.usecases.record_processed import SuccessRecords

from .conftest import USER, Workbench


async def _record(bench: Workbench, event: MediaProcessed | MediaRejected) -> None:
    if isinstance(event, MediaProcessed):
        await SuccessRecords(bench.database, bench.stores).record_processed(event)
    else:
        await FailureRecords(bench.database, bench.stores).record_rejected(event)


async def _rejected(bench: Workbench, result: MediaProcessed) -> MediaRejected:
    """Return the verdict of a worker that found the bytes bad after all."""
    key = f"failed/{result.media_id}.quarantine"
    await bench.store.move(result.source.key, key)
    return MediaRejected(
        media_id=result.media_id,
        job_id=result.job_id,
        user_id=result.user_id,
        code="truncated",
        detail="The file ends too early.",
        quarantine_key=key,
    )


async def test_result_makes_the_medium_ready_and_tells_its_owner(bench: Workbench) -> None:
    """Who is told "ready" finds the record ready, with its variants and their addresses."""
    result = await bench.processed(await bench.admitted())
    await _record(bench, result)
    medium, job = await bench.medium(result.media_id), await bench.job(result.job_id)
    assert (medium.status, medium.width, medium.height) == (MediaStatus.READY, 40, 30)
    assert (job.status, job.progress, job.attempts) == (JobStatus.COMPLETED, 100, 1)
    ready = await bench.last(MediaReady)
    assert ready.urls["thumb"] == f"/media/{result.media_id}/thumb"
    assert await bench.happenings(result.media_id) == ["media.uploaded", "media.accepted", "media.ready"]


async def test_repeated_results_are_announced_once(bench: Workbench) -> None:
    """Four deliveries at once and one later give one announcement, and leave the objects in place."""
    result = await bench.processed(await bench.admitted())
    stored = await bench.stored()
    await asyncio.gather(*(_record(bench, result) for _ in range(4)))
    await _record(bench, result)
    assert len(await bench.emitted(MediaReady)) == 1
    assert await bench.stored() == stored


async def test_verdict_fails_the_job_with_its_code(bench: Workbench) -> None:
    """The reason is kept and told; the bytes stay in quarantine."""
    verdict = await _rejected(bench, await bench.processed(await bench.admitted()))
    await asyncio.gather(*(_record(bench, verdict) for _ in range(4)))
    medium, job = await bench.medium(verdict.media_id), await bench.job(verdict.job_id)
    assert (medium.status, medium.failure_code) == (MediaStatus.FAILED, "truncated")
    assert medium.original_key == verdict.quarantine_key
    assert (job.status, job.error_code, job.error_detail) == (
        JobStatus.FAILED,
        "truncated",
        "The file ends too early.",
    )
    assert [failed.code for failed in await bench.emitted(MediaFailed)] == ["truncated"]


async def test_first_of_two_contradicting_results_counts(bench: Workbench) -> None:
    """Success and failure at once: one of them is told, and the record agrees with it."""
    result = await bench.processed(await bench.admitted())
    verdict = MediaRejected(
        media_id=result.media_id, job_id=result.job_id, user_id=USER, code="truncated", detail=""
    )
    await asyncio.gather(_record(bench, result), _record(bench, verdict))
    told = [*await bench.emitted(MediaReady), *await bench.emitted(MediaFailed)]
    assert len(told) == 1
    status = (await bench.medium(result.media_id)).status
    assert status == (MediaStatus.READY if isinstance(told[0], MediaReady) else MediaStatus.FAILED)


async def test_success_after_failure_changes_nothing_and_leaves_no_variants(bench: Workbench) -> None:
    """A straggler's success is too late: the medium stays FAILED and the straggler's variants go."""
    accepted = await bench.admitted()
    result = await bench.processed(accepted)
    await _record(
        bench,
        MediaRejected(
            media_id=result.media_id, job_id=result.job_id, user_id=USER, code="truncated", detail=""
        ),
    )
    await _record(bench, result)
    assert (await bench.medium(result.media_id)).status == MediaStatus.FAILED
    assert await bench.emitted(MediaReady) == []
    assert await bench.stored() == {accepted.source.key}


async def test_result_of_a_cancelled_job_leaves_nothing_behind(bench: Workbench) -> None:
    """What a worker stored before it could know goes, together with the original."""
    result = await bench.processed(await bench.admitted())
    assert await cancel_job(bench.database, result.job_id, actor=USER, settings=bench.stores.settings())
    await _record(bench, result)
    await _record(bench, result)
    assert await bench.stored() == set()
    medium = await bench.medium(result.media_id)
    assert (medium.status, medium.failure_code) == (MediaStatus.FAILED, "cancelled")
    assert [failed.code for failed in await bench.emitted(MediaFailed)] == ["cancelled"]


async def test_verdict_on_a_cancelled_job_leaves_nothing_behind(bench: Workbench) -> None:
    """Nobody needs the quarantined bytes of an upload that was cancelled."""
    result = await bench.processed(await bench.admitted())
    verdict = await _rejected(bench, result)
    for variant in result.variants:
        await bench.store.delete(variant.object.key)
    assert await cancel_job(bench.database, result.job_id, actor=USER, settings=bench.stores.settings())
    await _record(bench, verdict)
    assert await bench.stored() == set()


async def test_a_worker_that_put_a_cancelled_job_aside_leaves_nothing_behind(bench: Workbench) -> None:
    """The original goes when it says so, not before: nothing is removed under running work."""
    accepted = await bench.admitted()
    assert await cancel_job(bench.database, accepted.job_id, actor=USER, settings=bench.stores.settings())
    assert await bench.stored() == {accepted.source.key}
    word = MediaRejected(
        media_id=accepted.media_id,
        job_id=accepted.job_id,
        user_id=USER,
        code="cancelled",
        detail="The upload was cancelled.",
        quarantine_key=accepted.source.key,
    )
    await _record(bench, word)
    await _record(bench, word)
    assert await bench.stored() == set()
    assert (await bench.medium(accepted.media_id)).original_key is None
    assert (await bench.job(accepted.job_id)).status == JobStatus.CANCELLED


async def test_cancelling_and_finishing_at_once_have_one_winner(bench: Workbench) -> None:
    """The answer to the cancellation tells the truth about how the job ended."""
    result = await bench.processed(await bench.admitted())
    cancelled, _ = await asyncio.gather(
        cancel_job(bench.database, result.job_id, actor=USER, settings=bench.stores.settings()),
        _record(bench, result),
    )
    job = await bench.job(result.job_id)
    assert job.status == (JobStatus.CANCELLED if cancelled else JobStatus.COMPLETED)
    assert len(await bench.emitted(MediaReady)) + len(await bench.emitted(MediaFailed)) == 1


async def test_finished_job_cannot_be_cancelled(bench: Workbench) -> None:
    """A job that is completed stays completed."""
    result = await bench.processed(await bench.admitted())
    await _record(bench, result)
    assert not await cancel_job(bench.database, result.job_id, actor=USER, settings=bench.stores.settings())
    assert (await bench.medium(result.media_id)).status == MediaStatus.READY


async def test_late_result_does_not_bring_a_deleted_medium_back(bench: Workbench) -> None:
    """It becomes ready in the trash, and is whole when it is restored."""
    result = await bench.processed(await bench.admitted())
    assert await hide_media(bench.database, result.media_id, user_id=USER, actor=USER)
    await _record(bench, result)
    medium = await bench.medium(result.media_id)
    assert medium.status == MediaStatus.READY
    assert medium.deleted_at is not None
    assert await restore_media(
        bench.database, result.media_id, user_id=USER, actor=USER, settings=bench.stores.settings()
    )
    assert (await bench.medium(result.media_id)).deleted_at is None


async def test_deleting_twice_is_told_once(bench: Workbench) -> None:
    """Only the call that changed something announces it; the same for restoring."""
    accepted = await bench.accept()
    for _ in range(2):
        await hide_media(bench.database, accepted.media_id, user_id=USER, actor=USER)
    for _ in range(2):
        await restore_media(
            bench.database, accepted.media_id, user_id=USER, actor=USER, settings=bench.stores.settings()
        )
    assert len(await bench.emitted(MediaDeleted)) == 1
    assert len(await bench.emitted(MediaRestored)) == 1
    assert await bench.happenings(accepted.media_id) == ["media.uploaded", "media.deleted", "media.restored"]
