"""How far workers are: advisory, so reports of many jobs share a transaction, and none moves a job back."""

from collections.abc import Sequence

from mediamill_catalog import jobs, media
from mediamill_catalog.jobs import ProgressNote
from mediamill_catalog.tables import utc_now
from mediamill_contracts.media import MediaProgressed
from mediamill_database import Database


async def record_progress(database: Database, reports: Sequence[MediaProgressed]) -> None:
    """Write reports of different jobs, in the order of ids: everybody locks rows in the same order."""
    now = utc_now()
    notes = [
        ProgressNote(
            job_id=report.job_id,
            media_id=report.media_id,
            progress=report.progress,
            attempt=report.attempt,
            retrying=report.stage == "retrying",
        )
        for report in sorted(reports, key=lambda report: report.job_id)
    ]
    async with database.write() as session:
        await media.start_processing(session, sorted({report.media_id for report in reports}), now=now)
        await jobs.note_progress(session, notes, now=now)


def further(report: MediaProgressed, other: MediaProgressed | None) -> MediaProgressed:
    """Return the one of two reports of a job that came later in its life."""
    return report if other is None or _distance(report) > _distance(other) else other


def _distance(report: MediaProgressed) -> tuple[int, bool, int]:
    return report.attempt, report.stage == "retrying", report.progress
