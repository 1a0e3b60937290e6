"""Progress: many reports, few transactions, and nothing ever moves back."""

import asyncio

from mediamill_catalog.tables import JobStatus, MediaStatus
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaAccepted, MediaProgressed, Stage
from mediamill_ingest.handlers import Handlers
from mediamill_ingest.usecases.record_processed import SuccessRecords
from mediamill_ingest.usecases.record_progress import record_progress
from mediamill_messaging.subscription import Delivery

from .conftest import USER, Workbench

DELIVERY = Delivery("ingest.records", "id", "media.progressed", "media.progressed")


def _report(job: MediaAccepted, progress: int, stage: Stage, attempt: int = 1) -> MediaProgressed:
    return MediaProgressed(
        media_id=job.media_id,
        job_id=job.job_id,
        user_id=USER,
        progress=progress,
        stage=stage,
        attempt=attempt,
    )


async def test_reports_move_job_and_medium_on(bench: Workbench) -> None:
    """After the first report the job is active and the medium in processing."""
    job = await bench.admitted()
    await record_progress(bench.database, [_report(job, 10, "started"), _report(job, 50, "decoded")])
    row = await bench.job(job.job_id)
    assert (row.status, row.progress, row.attempts) == (JobStatus.ACTIVE, 50, 1)
    assert (await bench.medium(job.media_id)).status == MediaStatus.PROCESSING


async def test_progress_never_falls(bench: Workbench) -> None:
    """Reports in the wrong order, together or one by one, leave the furthest."""
    job = await bench.admitted()
    await record_progress(bench.database, [_report(job, 80, "encoded"), _report(job, 10, "started")])
    await record_progress(bench.database, [_report(job, 50, "decoded")])
    assert (await bench.job(job.job_id)).progress == 80


async def test_second_try_shows_and_the_first_cannot_hide_it(bench: Workbench) -> None:
    """A failed try shows as retrying, the next as active; a late report of the first changes nothing."""
    job = await bench.admitted()
    await record_progress(bench.database, [_report(job, 50, "decoded"), _report(job, 50, "retrying")])
    assert (await bench.job(job.job_id)).status == JobStatus.RETRYING
    await record_progress(bench.database, [_report(job, 10, "started", attempt=2)])
    await record_progress(bench.database, [_report(job, 50, "retrying", attempt=1)])
    row = await bench.job(job.job_id)
    assert (row.status, row.attempts) == (JobStatus.ACTIVE, 2)


async def test_finished_job_is_left_alone(bench: Workbench) -> None:
    """A report that comes after the result changes neither job nor medium."""
    job = await bench.admitted()
    await SuccessRecords(bench.database, bench.store).record_processed(await bench.processed(job))
    await record_progress(bench.database, [_report(job, 10, "started", attempt=3)])
    row = await bench.job(job.job_id)
    assert (row.status, row.progress, row.attempts) == (JobStatus.COMPLETED, 100, 1)
    assert (await bench.medium(job.media_id)).status == MediaStatus.READY


async def test_reports_of_unknown_jobs_harm_nobody(bench: Workbench) -> None:
    """A report about a job that is gone does not keep its neighbours from being written."""
    job = await bench.admitted()
    stray = job.model_copy(update={"job_id": new_id(), "media_id": new_id()})
    await record_progress(bench.database, [_report(stray, 50, "decoded"), _report(job, 50, "decoded")])
    assert (await bench.job(job.job_id)).progress == 50


async def test_reports_at_once_share_a_transaction(bench: Workbench) -> None:
    """Forty reports of twenty jobs are durable when their handlers return, after very few commits."""
    workers = [await bench.admitted() for _ in range(20)]
    commits = 0

    def count(_session: object) -> None:
        nonlocal commits
        commits += 1

    bench.database.on_commit(count)
    handlers = Handlers(bench.database, bench.store, bench.admission)
    reports = [_report(job, 10, "started") for job in workers] + [
        _report(job, 50, "decoded") for job in workers
    ]
    await asyncio.gather(*(handlers.on_media_progressed(report, DELIVERY) for report in reports))
    assert commits <= 2
    assert {(await bench.job(job.job_id)).progress for job in workers} == {50}
