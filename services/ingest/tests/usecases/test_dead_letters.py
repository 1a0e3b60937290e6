"""A message that was given up ends its job, and only its own; a replay opens that job again."""

import asyncio

import pytest
from sqlalchemy import select

from mediamill_catalog.recovery import replay_dead_letter
from mediamill_catalog.tables import JobStatus, MediaStatus, utc_now
from mediamill_contracts import Message
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaFailed, MediaProgressed, MediaReady, MediaRejected, MediaUploaded
from mediamill_ingest.usecases.admit_upload import admit_upload
from mediamill_ingest.usecases.cancel_job import cancel_job
from mediamill_ingest.usecases.record_failure import FailureRecords
from mediamill_ingest.usecases.record_processed import SuccessRecords
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox import DeadLetterClosedError
from mediamill_outbox import record_dead_letter as store_letter
from mediamill_outbox.tables import dead_letter

from .conftest import USER, Workbench


async def _die(bench: Workbench, message: Message, queue: str, code: str = "retries_exhausted") -> int:
    """Give a message up as the collector does; return the id of its dead letter."""
    letter = DeadLetter(
        queue=queue,
        event_id=str(message.message_id()),
        type=message.wire_name,
        routing_key=message.routing_key,
        payload=message.model_dump_json().encode(),
        code=code,
        error="TimeoutError: the disk of worker-3 does not answer",
    )
    async with bench.database.write() as session:
        await store_letter(session, letter, FailureRecords(bench.database, bench.stores).record_dead_letter)
    async with bench.database.read() as session:
        newest = select(dead_letter.c.id).order_by(dead_letter.c.id.desc()).limit(1)
        letter_id: int = (await session.execute(newest)).scalar_one()
        return letter_id


async def _replay(bench: Workbench, letter_id: int) -> None:
    async with bench.database.write() as session:
        await replay_dead_letter(session, letter_id, actor="operator", now=utc_now())


async def test_given_up_job_fails_with_a_message_that_tells_no_secrets(bench: Workbench) -> None:
    """The owner learns that it failed, not on which machine."""
    job = await bench.admitted()
    await _die(bench, job, "processor.images")
    medium, row = await bench.medium(job.media_id), await bench.job(job.job_id)
    assert (medium.status, row.status) == (MediaStatus.FAILED, JobStatus.FAILED)
    assert row.error_code == "retries_exhausted"
    told = await bench.emitted(MediaFailed)
    assert len(told) == 1
    assert "worker-3" not in told[0].detail


async def test_same_letter_twice_is_told_once(bench: Workbench) -> None:
    """The broker may bring a dead letter again."""
    job = await bench.admitted()
    await asyncio.gather(*(_die(bench, job, "processor.images") for _ in range(3)))
    assert len(await bench.emitted(MediaFailed)) == 1


async def test_upload_that_could_not_be_admitted_fails(bench: Workbench) -> None:
    """Also a job that no worker ever saw comes to an end."""
    accepted = await bench.accept()
    await _die(bench, await bench.last(MediaUploaded), "ingest.admission")
    assert (await bench.job(accepted.job_id)).status == JobStatus.FAILED


async def test_lost_progress_report_ends_nothing(bench: Workbench) -> None:
    """Only messages without which a job cannot end do end it."""
    job = await bench.admitted()
    report = MediaProgressed(
        media_id=job.media_id, job_id=job.job_id, user_id=USER, progress=10, stage="started"
    )
    await _die(bench, report, "ingest.records")
    assert (await bench.job(job.job_id)).status == JobStatus.WAITING


async def test_letter_with_the_ids_of_others_ends_nothing(bench: Workbench) -> None:
    """A gateway that was refused for using another user's ids cannot fail that user's job by it."""
    victim = await bench.accept()
    forged = (await bench.announce(b"x", user_id="user-2")).model_copy(
        update={"media_id": victim.media_id, "job_id": victim.job_id}
    )
    await _die(bench, forged, "ingest.admission", "id_taken")
    mixed = (await bench.announce(b"x")).model_copy(update={"job_id": victim.job_id})
    await _die(bench, mixed, "ingest.admission", "id_taken")
    assert (await bench.job(victim.job_id)).status == JobStatus.WAITING
    assert await bench.emitted(MediaFailed) == []


@pytest.mark.parametrize("payload", [b"\x00not json", b"[]", b'{"media_id": "x"}'])
async def test_unreadable_letter_is_kept_without_effect(bench: Workbench, payload: bytes) -> None:
    """Poison becomes a dead letter like any other."""
    letter = DeadLetter("ingest.admission", str(new_id()), "media.uploaded", "media.uploaded", payload)
    async with bench.database.write() as session:
        assert await store_letter(
            session, letter, FailureRecords(bench.database, bench.stores).record_dead_letter
        )


async def test_replay_opens_the_job_and_it_can_become_ready(bench: Workbench) -> None:
    """After the operator's replay the job runs again, as if it had never failed."""
    job = await bench.admitted()
    letter = await _die(bench, job, "processor.images")
    await _replay(bench, letter)
    row, medium = await bench.job(job.job_id), await bench.medium(job.media_id)
    assert (row.status, row.error_code, row.finished_at) == (JobStatus.WAITING, None, None)
    assert (medium.status, medium.failure_code) == (MediaStatus.CONFIRMED, None)
    await SuccessRecords(bench.database, bench.stores).record_processed(await bench.processed(job))
    assert (await bench.medium(job.media_id)).status == MediaStatus.READY
    assert len(await bench.emitted(MediaReady)) == 1
    assert await bench.happenings(job.media_id) == [
        "media.uploaded",
        "media.accepted",
        "media.failed",
        "media.replayed",
        "media.ready",
    ]


async def test_replayed_admission_finishes_what_was_begun(bench: Workbench) -> None:
    """Bytes that were not moved yet are where the replay looks for them."""
    accepted = await bench.accept()
    event = await bench.last(MediaUploaded)
    await _replay(bench, await _die(bench, event, "ingest.admission"))
    await admit_upload(bench.admission, event)
    job = await bench.job(accepted.job_id)
    assert job.status == JobStatus.WAITING
    assert (await bench.medium(accepted.media_id)).original_key.startswith("permanent/")


async def test_replayed_job_that_fails_again_is_told_again(bench: Workbench) -> None:
    """The second failure is a new one, and its letter can be replayed like the first."""
    job = await bench.admitted()
    await _replay(bench, await _die(bench, job, "processor.images"))
    again = await _die(bench, job, "processor.images")
    assert (await bench.job(job.job_id)).status == JobStatus.FAILED
    assert len(await bench.emitted(MediaFailed)) == 2
    await _replay(bench, again)
    assert (await bench.job(job.job_id)).status == JobStatus.WAITING


async def test_straggler_without_a_replay_stays_late(bench: Workbench) -> None:
    """A result that arrives after the failure was told does not turn it round."""
    job = await bench.admitted()
    await _die(bench, job, "processor.images")
    await SuccessRecords(bench.database, bench.stores).record_processed(await bench.processed(job))
    assert (await bench.medium(job.media_id)).status == MediaStatus.FAILED
    assert await bench.stored() == {job.source.key}


async def test_replay_does_not_open_what_ended_otherwise(bench: Workbench) -> None:
    """A cancelled job stays cancelled, a refused file refused, even if a letter of theirs is replayed."""
    cancelled, refused = await bench.admitted(), await bench.admitted()
    await cancel_job(bench.database, cancelled.job_id, actor=USER, settings=bench.stores.settings())
    verdict = MediaRejected(
        media_id=refused.media_id, job_id=refused.job_id, user_id=USER, code="truncated", detail=""
    )
    await FailureRecords(bench.database, bench.stores).record_rejected(verdict)
    for job in (cancelled, refused):
        await _replay(bench, await _die(bench, job, "processor.images"))
    assert (await bench.job(cancelled.job_id)).status == JobStatus.CANCELLED
    assert (await bench.job(refused.job_id)).status == JobStatus.FAILED


async def test_letter_is_replayed_once(bench: Workbench) -> None:
    """Two operators who press the button at once start one replay."""
    job = await bench.admitted()
    letter = await _die(bench, job, "processor.images")
    outcomes = await asyncio.gather(_replay(bench, letter), _replay(bench, letter), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [DeadLetterClosedError]
