"""An accepted upload is durable as a whole, and a repeated request makes nothing new."""

import asyncio

import pytest

from mediamill_catalog.idempotency import IdempotencyConflictError, RepeatableRequest
from mediamill_catalog.tables import JobStatus, MediaStatus
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaUploaded
from mediamill_ingest.usecases.accept_upload import StagedUpload, UploadIntake

from .conftest import USER, Workbench


def _upload() -> StagedUpload:
    media_id = new_id()
    return StagedUpload(media_id, USER, f"temp/{USER}/{media_id}.jpg", 9, "a" * 64, "image/jpeg", "cat.jpg")


async def test_accepted_upload_can_be_asked_about_and_is_announced(bench: Workbench) -> None:
    """Medium, job, timeline and announcement are there when the answer is."""
    accepted = await bench.accept()
    assert (await bench.medium(accepted.media_id)).status == MediaStatus.CONFIRMED
    assert (await bench.job(accepted.job_id)).status == JobStatus.WAITING
    assert await bench.happenings(accepted.media_id) == ["media.uploaded"]
    announced = await bench.emitted(MediaUploaded)
    assert [(event.media_id, event.job_id) for event in announced] == [(accepted.media_id, accepted.job_id)]


async def test_repeated_requests_get_the_first_answer(bench: Workbench) -> None:
    """Of eight requests with one key at once, one makes an upload and seven are told about it."""
    request = RepeatableRequest("key", "f" * 64)
    intakes = [UploadIntake(bench.database), UploadIntake(bench.database)] * 4
    answers = await asyncio.gather(*(intake.accept(_upload(), request) for intake in intakes))
    assert len({answer.media_id for answer in answers}) == 1
    assert sorted(answer.repeated for answer in answers) == [False] + [True] * 7
    assert len(await bench.emitted(MediaUploaded)) == 1


async def test_key_of_another_request_is_refused(bench: Workbench) -> None:
    """The same key with another body is a conflict, and nothing is taken in for it."""
    await UploadIntake(bench.database).accept(_upload(), RepeatableRequest("key", "f" * 64))
    with pytest.raises(IdempotencyConflictError):
        await UploadIntake(bench.database).accept(_upload(), RepeatableRequest("key", "e" * 64))
    assert len(await bench.emitted(MediaUploaded)) == 1


async def test_failed_transaction_leaves_nothing(bench: Workbench) -> None:
    """When one of its rows cannot be written, none is: no medium without its announcement."""
    upload = _upload()
    await UploadIntake(bench.database).accept(upload)
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        await UploadIntake(bench.database).accept(upload, RepeatableRequest("key", "f" * 64))
    again = await UploadIntake(bench.database).accept(_upload(), RepeatableRequest("key", "f" * 64))
    assert not again.repeated
