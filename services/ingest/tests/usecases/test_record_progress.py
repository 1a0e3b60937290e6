"""Progress: many reports, few transactions, and nothing ever moves back."""

from mediamill_catalog.tables import JobStatus, MediaStatus
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaAccepted, MediaProgressed, Stage
from mediamill_ingest.progress_board import ProgressBoard
from mediamill_ingest.usecases.record_processed import SuccessRecords
from mediamill_ingest.usecases.record_progress import record_progress
from mediamill_testing.waiting import eventually

from .conftest import USER, Workbench


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
    await record_progress(bench.database, [_report(job, 50, "decoded")])
    row = await bench.job(job.job_id)
    assert (row.status, row.progress, row.attempts) == (JobStatus.ACTIVE, 50, 1)
    assert (await bench.medium(job.media_id)).status == MediaStatus.PROCESSING


async def test_progress_never_falls(bench: Workbench) -> None:
    """Reports in the wrong order leave the furthest."""
    job = await bench.admitted()
    await record_progress(bench.database, [_report(job, 80, "encoded")])
    await record_progress(bench.database, [_report(job, 50, "decoded")])
    assert (await bench.job(job.job_id)).progress == 80


async def test_second_try_shows_and_the_first_cannot_hide_it(bench: Workbench) -> None:
    """A failed try shows as retrying, the next as active; a late report of the first changes nothing."""
    job = await bench.admitted()
    await record_progress(bench.database, [_report(job, 50, "retrying")])
    assert (await bench.job(job.job_id)).status == JobStatus.RETRYING
    await record_progress(bench.database, [_report(job, 10, "started", attempt=2)])
    await record_progress(bench.database, [_report(job, 50, "retrying", attempt=1)])
    row = await bench.job(job.job_id)
    assert (row.status, row.attempts) == (JobStatus.ACTIVE, 2)


async def test_finished_job_is_left_alone(bench: Workbench) -> None:
    """A report that comes after the result changes neither job nor medium."""
    job = await bench.admitted()
    await SuccessRecords(bench.database, bench.stores).record_processed(await bench.processed(job))
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


async def test_the_board_writes_the_furthest_report_of_each_job_together(bench: Workbench) -> None:
    """Forty reports of twenty jobs, in any order, cost one commit and leave the furthest of each job."""
    workers = [await bench.admitted() for _ in range(20)]
    commits = 0

    def count(_session: object) -> None:
        nonlocal commits
        commits += 1

    bench.database.on_commit(count)
    board = ProgressBoard(bench.database, write_seconds=0.01)
    for job in workers:
        board.note(_report(job, 50, "decoded"))
        board.note(_report(job, 10, "started"))

    async def all_written() -> bool:
        return {(await bench.job(job.job_id)).progress for job in workers} == {50}

    await eventually(all_written)
    assert commits == 1


async def test_a_job_that_ended_costs_the_board_nothing(bench: Workbench) -> None:
    """The report of a forgotten job is not written, that of its neighbour is."""
    ended, running = await bench.admitted(), await bench.admitted()
    board = ProgressBoard(bench.database, write_seconds=0.01)
    board.note(_report(ended, 50, "decoded"))
    board.note(_report(running, 50, "decoded"))
    board.forget(ended.job_id)

    async def written() -> bool:
        return bool((await bench.job(running.job_id)).progress == 50)

    await eventually(written)
    assert (await bench.job(ended.job_id)).progress == 0
