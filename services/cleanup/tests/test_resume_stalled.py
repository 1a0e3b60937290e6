"""Media whose message was lost go on, and what goes on anyway, or waits, is left alone."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Table, update

from mediamill_catalog import stalled as stalled_media
from mediamill_catalog.core import JOBS, MEDIA
from mediamill_catalog.job_messages import uploaded_medium
from mediamill_catalog.recipes import RecipeBook
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.stalled import RESUMED, silent_since
from mediamill_catalog.tables import JobStatus, MediaStatus
from mediamill_cleanup.duty import Run
from mediamill_cleanup.report import Report
from mediamill_cleanup.usecases.resume_stalled import LOST, WAITING, resume_stalled
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaAccepted, MediaUploaded
from mediamill_contracts.recipe import Limits
from mediamill_outbox.tables import outbox
from mediamill_storage import keys

from .conftest import HOUR, NOW, Bench

AGE = 6 * HOUR
SHA256 = "ab" * 32
ANNOUNCED = "uploads announced to admission again"
ORDERED = "media given to workers again"


@dataclass(frozen=True)
class Stalled:
    """A medium on its way, its job, and where its original is."""

    media_id: UUID
    job_id: UUID
    key: str


async def stalled(
    bench: Bench,
    *,
    admitted: bool,
    silent: timedelta = 7 * HOUR,
    job: JobStatus = JobStatus.WAITING,
    stored: bool = True,
    **values: Any,
) -> Stalled:
    """Insert a medium, whose job was heard of last so long before `NOW`."""
    media_id = new_id()
    prefix = keys.permanent_prefix(media_id, SHA256, NOW)
    key = f"{prefix}.jpg" if admitted else keys.staged_key("user-1", media_id, "jpg")
    status = MediaStatus.PROCESSING if job is JobStatus.ACTIVE else MediaStatus.CONFIRMED
    defaults = {"sha256": SHA256 if admitted else None, "file_name": "cat.jpg", "alt": "A cat"}
    await bench.medium(status, media_id=media_id, age=silent, key=key, **(defaults | values))
    job_id = await bench.job(media_id, job)
    await heard(bench, job_id, silent)
    if stored:
        await bench.put(key)
    return Stalled(media_id, job_id, key)


async def heard(bench: Bench, job_id: UUID, ago: timedelta) -> None:
    """Have a job begun and heard of so long before `NOW`."""
    async with bench.database.write() as session:
        await session.execute(
            update(JOBS).where(JOBS.c.id == job_id).values(created_at=NOW - ago, updated_at=NOW - ago)
        )


async def resume(bench: Bench, run: Run) -> Report:
    """Run the duty with its usual patience."""
    settings = PlatformSettings()
    return await resume_stalled(bench.premises, RecipeBook(lambda: settings, Limits()), AGE, run)


async def test_an_upload_is_announced_again_as_it_was(bench: Bench, run: Run) -> None:
    """Admission gets what the row remembers, under the id of the lost message; once in the period."""
    lost = await stalled(bench, admitted=False, lane="bulk")
    report = await resume(bench, run)
    assert report.named == {ANNOUNCED: [str(lost.media_id)]}
    [event] = await bench.emitted(MediaUploaded)
    assert (event.media_id, event.job_id, event.user_id) == (lost.media_id, lost.job_id, "user-1")
    assert (event.staged.key, event.staged.store, event.staged.size_bytes) == (lost.key, "local", 6)
    assert (event.file_name, event.alt, event.lane) == ("cat.jpg", "A cat", "bulk")
    assert (event.declared_type, event.uploaded_at) == ("image/jpeg", NOW - 7 * HOUR)
    assert await bench.happenings(lost.media_id) == [RESUMED]
    await forget_outbox(bench)
    assert not +(await resume(bench, run)).counts
    later = Run(NOW + AGE + HOUR)
    assert (await resume(bench, later)).counts == {ANNOUNCED: 1}


async def test_an_admitted_medium_is_given_to_a_worker_again(bench: Bench, run: Run) -> None:
    """The order names the original, the queue, and a recipe of the settings in force."""
    lost = await stalled(bench, admitted=True, job=JobStatus.ACTIVE)
    report = await resume(bench, run)
    assert report.named == {ORDERED: [str(lost.media_id)]}
    [order] = await bench.emitted(MediaAccepted)
    assert (order.media_id, order.job_id, order.routing_key) == (
        lost.media_id,
        lost.job_id,
        "media.accepted.image.interactive",
    )
    assert (order.source.key, order.source.sha256, order.source.size_bytes) == (lost.key, SHA256, 6)
    assert order.variant_prefix == lost.key.removesuffix(".jpg")
    assert [spec.name for spec in order.recipe.variants] == ["large", "medium", "thumb"]
    row = await bench.find(lost.media_id)
    assert (row.status, row.original_key, row.storage_strategy) == (
        MediaStatus.PROCESSING,
        lost.key,
        order.recipe.strategy,
    )


async def test_what_goes_on_or_has_ended_is_left_alone(bench: Bench, run: Run) -> None:
    """News within the period, an end, or a job that is none: nothing is sent."""
    await stalled(bench, admitted=True, silent=5 * HOUR)
    await stalled(bench, admitted=False, job=JobStatus.CANCELLED)
    told = await stalled(bench, admitted=True, job=JobStatus.ACTIVE)
    await heard(bench, told.job_id, HOUR)
    ready = await bench.medium(MediaStatus.READY)
    await heard(bench, await bench.job(ready), 7 * HOUR)
    report = await resume(bench, run)
    assert not +report.counts
    assert await bench.emitted(MediaUploaded) == []
    assert await bench.emitted(MediaAccepted) == []


@pytest.mark.parametrize(
    ("admitted", "queue"),
    [(False, "ingest.admission"), (True, "processor.images"), (True, "ingest.records")],
)
async def test_what_may_wait_in_a_queue_is_left_alone(
    bench: Bench, run: Run, admitted: bool, queue: str
) -> None:
    """An honest backlog does not grow by asking; one that waits elsewhere is no reason to wait."""
    waiting = await stalled(bench, admitted=admitted)
    bench.depths[queue] = 1
    report = await resume(bench, run)
    assert report.named == {WAITING: [str(waiting.media_id)]}
    bench.depths = {"processor.videos": 3, "processor.images-bulk": 2, "ingest.admission-bulk": 1}
    assert (await resume(bench, run)).counts.total() == 1


@pytest.mark.parametrize("admitted", [False, True])
async def test_what_younger_jobs_overtook_does_not_wait(bench: Bench, run: Run, admitted: bool) -> None:
    """In a busy installation the queue is never empty; but it keeps its order."""
    lost = await stalled(bench, admitted=admitted)
    bench.depths = {"ingest.admission": 9, "processor.images": 9}
    other = await bench.medium(MediaStatus.READY)
    overtaking = await bench.job(other, JobStatus.COMPLETED, ended=HOUR)
    await heard(bench, overtaking, 8 * HOUR)
    assert (await resume(bench, run)).counts == {WAITING: 1}
    await heard(bench, overtaking, 6 * HOUR)
    report = await resume(bench, run)
    assert report.named == {ORDERED if admitted else ANNOUNCED: [str(lost.media_id)]}


async def test_what_the_database_still_has_to_send_is_not_lost(bench: Bench, run: Run) -> None:
    """While the broker is away messages wait in the outbox: each is there once."""
    await stalled(bench, admitted=True)
    await resume(bench, run)
    report = await resume(bench, Run(NOW + AGE + HOUR))
    assert report.counts == {WAITING: 1}
    assert len(await bench.emitted(MediaAccepted)) == 1


async def test_media_without_bytes_are_told_of(bench: Bench, run: Run) -> None:
    """Nothing can be done with them here: uploads expire, and a backup brings others back."""
    lost = [(await stalled(bench, admitted=each, stored=False)).media_id for each in (False, True)]
    report = await resume(bench, run)
    assert report.counts == {LOST: 2}
    assert set(report.named[LOST]) == {str(media_id) for media_id in lost}
    assert await bench.emitted(MediaAccepted) == []


async def test_a_lost_verdict_is_asked_for_again(bench: Bench, run: Run, dry_run: Run) -> None:
    """A worker had put the original away: it is brought back, or no worker would judge it again."""
    refused = await stalled(bench, admitted=True, stored=False)
    away = await bench.put(keys.quarantine_key(refused.media_id))
    assert (await resume(bench, dry_run)).counts == {ORDERED: 1}
    assert await bench.stored() == {away}
    assert (await resume(bench, run)).counts == {ORDERED: 1}
    assert await bench.stored() == {refused.key}


async def test_all_of_many_go_on(bench: Bench, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """They go in pieces, each a transaction, and none is left out."""
    monkeypatch.setattr("mediamill_cleanup.usecases.resume_stalled.BATCH", 2)
    lost = {(await stalled(bench, admitted=number % 2 == 0)).media_id for number in range(5)}
    report = await resume(bench, run)
    assert report.counts == {ORDERED: 3, ANNOUNCED: 2}
    sent = [*await bench.emitted(MediaAccepted), *await bench.emitted(MediaUploaded)]
    assert {message.media_id for message in sent} == lost


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (MEDIA, {"status": MediaStatus.READY}),
        (MEDIA, {"original_key": "permanent/elsewhere.jpg"}),
        (JOBS, {"status": JobStatus.CANCELLED}),
        (JOBS, {"updated_at": NOW}),
    ],
)
async def test_what_changes_at_this_moment_stays_as_it_is(
    bench: Bench, table: Table, change: dict[str, Any]
) -> None:
    """Between looking and writing it went on or ended: nothing is sent, and nothing is told."""
    lost = await stalled(bench, admitted=False)
    async with bench.database.read() as session:
        [found] = await silent_since(session, NOW - AGE, limit=2)
    message = uploaded_medium(found.medium, found.job_id, store="local", uploaded_at=found.begun_at)
    async with bench.database.write() as session:
        await session.execute(update(table).values(change))
    async with bench.database.write() as session:
        keys_then = {lost.media_id: lost.key}
        messages = {lost.media_id: message}
        assert not await stalled_media.resume(
            session, messages, keys_then, before=NOW - AGE, now=NOW, actor="system"
        )
    assert await bench.emitted(MediaUploaded) == []
    assert await bench.happenings(lost.media_id) == []


async def test_a_dry_run_only_tells(bench: Bench, dry_run: Run) -> None:
    """It names what would be sent, and the next run in earnest still finds it."""
    lost = await stalled(bench, admitted=True)
    assert (await resume(bench, dry_run)).named == {ORDERED: [str(lost.media_id)]}
    assert await bench.emitted(MediaAccepted) == []
    assert await bench.happenings(lost.media_id) == []


async def forget_outbox(bench: Bench) -> None:
    """Lose what was to be sent, as a broker's disk is lost."""
    async with bench.database.write() as session:
        await session.execute(outbox.delete())
