"""Finished jobs go after their time, and never while somebody may still ask for them."""

from datetime import timedelta

from mediamill_catalog.pruning import JobRetention
from mediamill_catalog.tables import JobStatus, MediaStatus
from mediamill_cleanup.duty import Run
from mediamill_cleanup.usecases.forget_jobs import forget_jobs
from mediamill_contracts.ids import repeatable_id
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox import record_dead_letter

from .conftest import DAY, HOUR, NOW, Bench

MINUTE = timedelta(minutes=1)


def keeping(newest: int) -> JobRetention:
    """Return the usual retention with another number of newest jobs."""
    return JobRetention(
        completed_before=NOW - DAY,
        surplus_before=NOW - HOUR,
        failed_before=NOW - 7 * DAY,
        keep_newest=newest,
    )


async def test_each_outcome_has_its_time(bench: Bench, run: Run) -> None:
    """Completed ones go after a day, failed and cancelled ones after a week, open ones never."""
    medium = await bench.medium()
    kept = {
        await bench.job(medium, JobStatus.COMPLETED, ended=23 * HOUR),
        await bench.job(medium, JobStatus.FAILED, ended=6 * DAY),
        await bench.job(medium, JobStatus.CANCELLED, ended=6 * DAY),
        await bench.job(medium, JobStatus.ACTIVE),
    }
    await bench.job(medium, JobStatus.COMPLETED, ended=25 * HOUR)
    await bench.job(medium, JobStatus.FAILED, ended=8 * DAY)
    await bench.job(medium, JobStatus.CANCELLED, ended=8 * DAY)
    report = await forget_jobs(bench.database, keeping(1_000), run)
    assert await bench.job_ids() == kept
    assert report.counts["jobs forgotten"] == 3
    assert (await bench.find(medium)).status == MediaStatus.READY


async def test_beyond_the_newest_only_what_nobody_polls_any_more_goes(bench: Bench, run: Run) -> None:
    """A burst of uploads does not take a job away from a client that still waits for its result."""
    medium = await bench.medium()
    ages = (1 * MINUTE, 2 * MINUTE, 59 * MINUTE, 3 * HOUR, 5 * HOUR)
    jobs = [await bench.job(medium, JobStatus.COMPLETED, ended=age) for age in ages]
    await forget_jobs(bench.database, keeping(2), run)
    assert await bench.job_ids() == set(jobs[:3])


async def test_the_newest_are_kept_within_their_time(bench: Bench, run: Run) -> None:
    """As long as there are fewer than the number, none goes for being one too many."""
    medium = await bench.medium()
    jobs = [await bench.job(medium, JobStatus.COMPLETED, ended=age * HOUR) for age in (2, 3, 4)]
    await forget_jobs(bench.database, keeping(3), run)
    assert await bench.job_ids() == set(jobs)


async def test_what_a_dead_letter_can_revive_is_kept(bench: Bench, run: Run) -> None:
    """An operator who replays an old letter finds the job that it belongs to."""
    medium = await bench.medium(MediaStatus.FAILED)
    revivable, lost = [await bench.job(medium, JobStatus.FAILED, ended=30 * DAY) for _ in range(2)]
    event_id = str(repeatable_id(revivable, "media.accepted"))
    letter = DeadLetter("processor.images", event_id, "media.accepted", "media.accepted.image.bulk", b"{}")
    async with bench.database.write() as session:
        await record_dead_letter(session, letter)
    report = await forget_jobs(bench.database, keeping(1_000), run)
    assert await bench.job_ids() == {revivable}
    assert lost not in await bench.job_ids()
    assert report.counts == {"jobs forgotten": 1, "failed jobs kept for their dead letters": 1}


async def test_a_dry_run_only_counts(bench: Bench, dry_run: Run) -> None:
    """It tells how many would go."""
    medium = await bench.medium()
    job = await bench.job(medium, JobStatus.COMPLETED, ended=2 * DAY)
    report = await forget_jobs(bench.database, keeping(1_000), dry_run)
    assert report.counts["jobs forgotten"] == 1
    assert await bench.job_ids() == {job}
