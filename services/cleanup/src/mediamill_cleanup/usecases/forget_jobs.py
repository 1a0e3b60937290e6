"""Forgets finished jobs; what became of their media stays with the media."""

from mediamill_catalog.pruning import JobRetention, expired_jobs, remove_jobs, revivable_jobs
from mediamill_catalog.tables import JobStatus
from mediamill_cleanup.duty import Run
from mediamill_cleanup.report import Report
from mediamill_database import Database


async def forget_jobs(database: Database, retention: JobRetention, run: Run) -> Report:
    """Remove jobs past their retention, except failed ones that a dead letter may still revive."""
    report = run.report()
    after = None
    while True:
        async with database.read() as session:
            jobs = await expired_jobs(session, retention, after=after)
            failed = [job.id for job in jobs if job.status == JobStatus.FAILED]
            kept = await revivable_jobs(session, failed) if failed else set()
        if not jobs:
            return report
        after = jobs[-1].id
        going = [job.id for job in jobs if job.id not in kept]
        number = len(going)
        if going and not run.dry_run:
            async with database.write() as session:
                number = await remove_jobs(session, going)
        report.count("jobs forgotten", number)
        report.count("failed jobs kept for their dead letters", len(kept))
