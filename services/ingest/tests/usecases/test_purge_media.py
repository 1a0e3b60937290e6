"""Hard deletion while work is open, and what comes too late for it."""

from uuid import UUID

from mediamill_catalog.tables import JobStatus
from mediamill_contracts.media import MediaDeleted, MediaReady, MediaRejected, MediaUploaded
from mediamill_contracts.sync import MediaPurged, RequestPurge
from mediamill_ingest.usecases.admit_upload import admit_upload
from mediamill_ingest.usecases.cancel_job import cancel_job
from mediamill_ingest.usecases.purge_media import purge_media, record_purged
from mediamill_ingest.usecases.record_failure import FailureRecords
from mediamill_ingest.usecases.record_processed import SuccessRecords
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox import record_dead_letter

from .conftest import USER, Workbench


async def _purge(bench: Workbench, media_id: UUID) -> None:
    await purge_media(bench.database, media_id, actor=USER, settings=bench.stores.settings())


async def _gone(bench: Workbench, request: RequestPurge) -> None:
    """Do what the worker that removes objects does, and record it."""
    for key in request.keys:
        await bench.store.delete(key)
    event = MediaPurged(media_id=request.media_id, user_id=request.user_id, removed_keys=request.keys)
    await record_purged(bench.database, event)


async def test_a_result_ends_the_wait(bench: Workbench) -> None:
    """Nothing is removed under the worker's hands; then all goes, and nobody is told that it is ready."""
    result = await bench.processed(await bench.admitted())
    await _purge(bench, result.media_id)
    await _purge(bench, result.media_id)
    assert await bench.emitted(RequestPurge) == []
    assert len(await bench.emitted(MediaDeleted)) == 1
    await SuccessRecords(bench.database, bench.stores).record_processed(result)
    (request,) = await bench.emitted(RequestPurge)
    assert await bench.emitted(MediaReady) == []
    assert await bench.stored() == set(request.keys)
    await _gone(bench, request)
    assert await bench.stored() == set()


async def test_a_verdict_ends_the_wait(bench: Workbench) -> None:
    """Refused bytes go from quarantine too."""
    result = await bench.processed(await bench.admitted())
    await _purge(bench, result.media_id)
    key = f"failed/{result.media_id}.quarantine"
    await bench.store.move(result.source.key, key)
    verdict = MediaRejected(
        media_id=result.media_id,
        job_id=result.job_id,
        user_id=USER,
        code="truncated",
        detail="",
        quarantine_key=key,
    )
    await FailureRecords(bench.database, bench.stores).record_rejected(verdict)
    (request,) = await bench.emitted(RequestPurge)
    assert {key, result.source.key} <= set(request.keys)


async def test_a_dead_letter_ends_the_wait(bench: Workbench) -> None:
    """What the infrastructure gave up is removed all the same."""
    accepted = await bench.admitted()
    await _purge(bench, accepted.media_id)
    letter = DeadLetter(
        queue="processor.images",
        event_id=str(accepted.message_id()),
        type=accepted.wire_name,
        routing_key=accepted.routing_key,
        payload=accepted.model_dump_json().encode(),
        code="retries_exhausted",
        error="TimeoutError",
    )
    effect = FailureRecords(bench.database, bench.stores).record_dead_letter
    async with bench.database.write() as session:
        await record_dead_letter(session, letter, effect)
    assert [request.final for request in await bench.emitted(RequestPurge)] == [True]


async def test_a_cancellation_ends_the_wait(bench: Workbench) -> None:
    """Who cancels the job of a medium that is to go need not wait for the worker."""
    accepted = await bench.admitted()
    await _purge(bench, accepted.media_id)
    settings = bench.stores.settings()
    assert await cancel_job(bench.database, accepted.job_id, actor=USER, settings=settings)
    assert (await bench.job(accepted.job_id)).status == JobStatus.CANCELLED
    assert len(await bench.emitted(RequestPurge)) == 1


async def test_a_late_result_leaves_nothing_behind(bench: Workbench) -> None:
    """Objects that a straggler stores after the purge are removed, in S3 by the service that reaches it."""
    accepted = await bench.admitted()
    result = (await bench.processed(accepted)).model_copy(update={"stored_in": ("local", "s3")})
    await cancel_job(bench.database, accepted.job_id, actor=USER, settings=bench.stores.settings())
    await _purge(bench, accepted.media_id)
    await _gone(bench, (await bench.emitted(RequestPurge))[-1])
    late = await bench.processed(accepted)
    assert await bench.stored() != set()
    await SuccessRecords(bench.database, bench.stores).record_processed(
        late.model_copy(update={"stored_in": result.stored_in})
    )
    assert await bench.stored() == set()
    clearing = (await bench.emitted(RequestPurge))[-1]
    assert (clearing.stores, clearing.final) == (("s3",), False)
    assert {variant.object.key for variant in late.variants} <= set(clearing.keys)
    assert await bench.emitted(MediaReady) == []


async def test_a_late_announcement_brings_nothing_back(bench: Workbench) -> None:
    """A gateway's message that comes again after the purge makes no medium, and its bytes go."""
    announcement = await bench.announce(b"GIF89a")
    await admit_upload(bench.admission, announcement)
    await _purge(bench, announcement.media_id)
    verdict = await bench.last(MediaRejected)
    await FailureRecords(bench.database, bench.stores).record_rejected(verdict)
    await _gone(bench, await bench.last(RequestPurge))
    again = MediaUploaded.model_validate_json(announcement.model_dump_json())
    await bench.put(again.staged.key, b"GIF89a")
    await admit_upload(bench.admission, again)
    assert await bench.find(announcement.media_id) is None
    assert await bench.stored() == set()


async def test_nobody_removes_a_record_by_a_message_alone(bench: Workbench) -> None:
    """`media.purged` about a medium that nobody asked to remove changes nothing."""
    accepted = await bench.admitted()
    await record_purged(bench.database, MediaPurged(media_id=accepted.media_id, user_id=USER))
    assert (await bench.medium(accepted.media_id)).deleted_at is None
