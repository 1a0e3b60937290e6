"""Uploads that were never completed end; those that merely wait do not, however long."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from mediamill_catalog import expiry, media
from mediamill_catalog.core import MEDIA
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import JobStatus, MediaStatus
from mediamill_cleanup.duty import Run
from mediamill_cleanup.report import Report
from mediamill_cleanup.usecases.expire_uploads import CODE, EXPIRED, expire_uploads
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaFailed, MediaUploaded, StagedObject
from mediamill_contracts.sync import RequestPurge
from mediamill_outbox import emit
from mediamill_storage import keys

from .conftest import DAY, HOUR, NOW, USER, Bench

PLATFORM = PlatformSettings()


async def expire(bench: Bench, run: Run) -> Report:
    """Run the duty with a day's patience."""
    return await expire_uploads(bench.premises, DAY, PLATFORM, run)


@pytest.mark.parametrize("status", [MediaStatus.PENDING, MediaStatus.UPLOADED])
async def test_what_was_never_confirmed_expires(bench: Bench, run: Run, status: MediaStatus) -> None:
    """After a day the upload is over and its bytes are gone; a younger one is left alone."""
    old, young = await bench.medium(status), await bench.medium(status, age=HOUR)
    await bench.put((await bench.find(old)).original_key)
    kept = await bench.put((await bench.find(young)).original_key)
    report = await expire(bench, run)
    assert (await bench.find(old)).status == MediaStatus.EXPIRED
    assert (await bench.find(young)).status == status
    assert await bench.happenings(old) == [EXPIRED]
    assert await bench.stored() == {kept}
    assert report.as_dict()["counts"] == {"uploads expired": 1, "staged objects removed": 1}
    assert report.bytes_freed == len(b"pixels")


async def test_a_dry_run_changes_nothing(bench: Bench, dry_run: Run) -> None:
    """It tells what it would do, and does not do it."""
    old = await bench.medium(MediaStatus.PENDING)
    key = await bench.put((await bench.find(old)).original_key)
    report = await expire(bench, dry_run)
    assert report.named == {"uploads expired": [str(old)], "staged objects removed": [key]}
    assert (await bench.find(old)).status == MediaStatus.PENDING
    assert await bench.stored() == {key}


async def test_an_upload_that_waits_in_a_long_queue_is_kept(bench: Bench, run: Run) -> None:
    """Bytes and an open job: its turn comes, be it in a week; neither row nor bytes nor job change."""
    waiting = await bench.medium(MediaStatus.CONFIRMED, age=timedelta(days=7))
    job = await bench.job(waiting)
    key = await bench.put((await bench.find(waiting)).original_key)
    report = await expire(bench, run)
    assert report.named == {"uploads that still wait for their turn": [str(waiting)]}
    assert (await bench.find(waiting)).status == MediaStatus.CONFIRMED
    assert await bench.stored() == {key}
    assert await bench.job_ids() == {job}


async def test_an_upload_between_two_steps_of_admission_is_kept(bench: Bench, run: Run) -> None:
    """The process died after the bytes were moved and before the row said so: the message comes again."""
    waiting = await bench.medium(MediaStatus.CONFIRMED, sha256="ab" * 32)
    await bench.job(waiting)
    row = await bench.find(waiting)
    prefix = keys.permanent_prefix(row.id, row.sha256, row.created_at)
    moved = await bench.put(keys.original_key(prefix, row.media_type))
    await expire(bench, run)
    assert (await bench.find(waiting)).status == MediaStatus.CONFIRMED
    assert await bench.stored() == {moved}


@pytest.mark.parametrize("where", ["broker", "outbox"])
async def test_an_upload_that_is_announced_is_left_to_admission(bench: Bench, run: Run, where: str) -> None:
    """While its message may be on its way, admission decides what to tell of bytes that are not there."""
    waiting = await bench.medium(MediaStatus.CONFIRMED)
    job = await bench.job(waiting)
    key = (await bench.find(waiting)).original_key
    if where == "broker":
        bench.depths["ingest.admission"] = 1
    else:
        async with bench.database.write() as session:
            await emit(
                session,
                MediaUploaded(
                    media_id=waiting,
                    job_id=job,
                    user_id=USER,
                    staged=StagedObject(key=key, size_bytes=6),
                    file_name="cat.jpg",
                    uploaded_at=NOW,
                ),
            )
    await expire(bench, run)
    assert (await bench.find(waiting)).status == MediaStatus.CONFIRMED


async def test_a_confirmed_upload_without_bytes_ends_for_whoever_waits(bench: Bench, run: Run) -> None:
    """Nothing is there and nothing is coming: the job fails with a reason, and its client is told."""
    lost = await bench.medium(MediaStatus.CONFIRMED)
    job = await bench.job(lost)
    await expire(bench, run)
    assert (await bench.find(lost)).status == MediaStatus.EXPIRED
    [told] = await bench.emitted(MediaFailed)
    assert (told.media_id, told.job_id, told.code) == (lost, job, CODE)
    again = await expire(bench, run)
    assert not +again.counts


async def test_an_upload_that_is_confirmed_at_this_moment_is_kept(bench: Bench) -> None:
    """Between looking and writing the client confirmed: the change wins."""
    pending = await bench.medium(MediaStatus.PENDING)
    async with bench.database.read() as session:
        seen = await media.find(session, pending)
    assert seen is not None
    async with bench.database.write() as session:
        await session.execute(update(MEDIA).values(status=MediaStatus.CONFIRMED))
    async with bench.database.write() as session:
        assert not await expiry.expire(session, seen, now=NOW)
    assert (await bench.find(pending)).status == MediaStatus.CONFIRMED


async def test_what_was_to_be_purged_is_purged_when_it_expires(bench: Bench, run: Run) -> None:
    """An owner's hard deletion waited for the end of the upload: this is it."""
    doomed = await bench.medium(MediaStatus.CONFIRMED, purge_requested_at=NOW - DAY, deleted_at=NOW - DAY)
    await bench.job(doomed, JobStatus.CANCELLED, ended=DAY)
    await expire(bench, run)
    assert [request.media_id for request in await bench.emitted(RequestPurge)] == [doomed]


async def test_a_report_names_no_more_than_it_should(bench: Bench, dry_run: Run) -> None:
    """However many there are, all are counted and a hundred are named."""
    for _ in range(103):
        await bench.medium(MediaStatus.PENDING, media_id=new_id())
    report = await expire(bench, dry_run)
    assert report.counts["uploads expired"] == 103
    assert len(report.named["uploads expired"]) == 100
