"""How far workers are: advisory, so reports of many jobs share a transaction, and none moves a job back."""

from collections.abc import Sequence
from uuid import UUID

from mediamill_catalog import jobs, media
from mediamill_catalog.jobs import ProgressNote
from mediamill_catalog.tables import utc_now
from mediamill_contracts.media import MediaProgressed
from mediamill_database import Database


async def record_progress(database: Database, events: Sequence[MediaProgressed]) -> None:
    """Write the furthest report of each job."""
    notes = _furthest(events)
    now = utc_now()
    async with database.write() as session:
        started = {event.media_id for event in events if event.stage == "started"}
        await media.start_processing(session, sorted(started), now=now)
        await jobs.note_progress(session, notes, now=now)


def _furthest(events: Sequence[MediaProgressed]) -> list[ProgressNote]:
    """Return one note a job, in the order of ids: everybody locks rows in the same order."""
    notes: dict[UUID, ProgressNote] = {}
    for event in events:
        note = ProgressNote(
            job_id=event.job_id,
            media_id=event.media_id,
            progress=event.progress,
            attempt=event.attempt,
            retrying=event.stage == "retrying",
        )
        if event.job_id not in notes or _distance(note) > _distance(notes[event.job_id]):
            notes[event.job_id] = note
    return [notes[job_id] for job_id in sorted(notes)]


def _distance(note: ProgressNote) -> tuple[int, bool, int]:
    return note.attempt, note.retrying, note.progress
