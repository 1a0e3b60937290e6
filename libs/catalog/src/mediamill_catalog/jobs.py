"""State changes of jobs: progress only grows, and a finished job stays as it is.

Whoever changes a medium and its job in one transaction changes the medium first, and many of either in the
order of their ids, so that two transactions never wait for each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, case, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import JOBS, insert_new
from mediamill_catalog.tables import JobStatus

OPEN = (JobStatus.WAITING, JobStatus.ACTIVE, JobStatus.RETRYING)
"""States that a job may still leave; the others are final."""


@dataclass(frozen=True)
class ProgressNote:
    """How far a job is, as a worker told: percent, the try (from 1), and whether it has to try again."""

    job_id: UUID
    media_id: UUID
    progress: int
    attempt: int
    retrying: bool


def new_job(
    *,
    job_id: UUID,
    media_id: UUID,
    user_id: str,
    kind: str,
    lane: str,
    trace_id: str | None,
    now: datetime,
) -> dict[str, Any]:
    """Return the row of a job that waits."""
    return {
        "id": job_id,
        "media_id": media_id,
        "user_id": user_id,
        "type": kind,
        "lane": lane,
        "status": JobStatus.WAITING,
        "progress": 0,
        "attempts": 0,
        "trace_id": trace_id,
        "created_at": now,
        "updated_at": now,
    }


_ADD = insert(JOBS).inline()


async def add(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows made by `new_job`."""
    await session.execute(_ADD, rows)


async def add_unknown(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Insert those rows made by `new_job` whose ids are free; return these ids."""
    return {row.id for row in await insert_new(session, JOBS, rows)}


async def find(session: AsyncSession, job_id: UUID) -> Row[Any] | None:
    """Return the row, or None."""
    return (await session.execute(select(JOBS).where(JOBS.c.id == job_id))).one_or_none()


async def newest_of_media(session: AsyncSession, media_id: UUID) -> Row[Any] | None:
    """Return the row of the job that was begun last for a medium, or None."""
    statement = select(JOBS).where(JOBS.c.media_id == media_id).order_by(JOBS.c.id.desc()).limit(1)
    return (await session.execute(statement)).one_or_none()


_COMPLETE = (
    update(JOBS)
    .where(JOBS.c.id == bindparam("done_job"), JOBS.c.finished_at.is_(None))
    .values(
        status=JobStatus.COMPLETED,
        progress=100,
        attempts=case(
            (JOBS.c.attempts < bindparam("done_attempts"), bindparam("done_attempts")),
            else_=JOBS.c.attempts,
        ),
        finished_at=bindparam("done_at"),
        updated_at=bindparam("done_at"),
    )
)


async def complete_jobs(session: AsyncSession, attempts: Mapping[UUID, int], *, now: datetime) -> None:
    """Move open jobs to completed; the number is the try (from 1) that succeeded."""
    await session.execute(
        _COMPLETE,
        [
            {"done_job": job_id, "done_attempts": attempt, "done_at": now}
            for job_id, attempt in sorted(attempts.items())
        ],
    )


async def fail_job(session: AsyncSession, job_id: UUID, *, code: str, detail: str, now: datetime) -> bool:
    """Move an open job to failed, with a reason; return whether it was open."""
    return await _finish(session, job_id, now, status=JobStatus.FAILED, error_code=code, error_detail=detail)


async def cancel_job(session: AsyncSession, job_id: UUID, *, now: datetime) -> bool:
    """Move an open job to cancelled; return whether it was open."""
    return await _finish(session, job_id, now, status=JobStatus.CANCELLED)


async def reopen_job(session: AsyncSession, job_id: UUID, *, now: datetime) -> bool:
    """Move a failed job back to waiting, for a replay; return whether it was failed."""
    changed = await session.execute(
        update(JOBS)
        .where(JOBS.c.id == job_id, JOBS.c.status == JobStatus.FAILED)
        .values(
            status=JobStatus.WAITING, error_code=None, error_detail=None, finished_at=None, updated_at=now
        )
        .returning(JOBS.c.id)
    )
    return changed.first() is not None


_NOTE = (
    update(JOBS)
    .where(
        JOBS.c.id == bindparam("note_job"),
        JOBS.c.finished_at.is_(None),
        JOBS.c.attempts <= bindparam("note_attempt"),
    )
    .values(
        status=bindparam("note_status"),
        progress=case(
            (JOBS.c.progress < bindparam("note_progress"), bindparam("note_progress")),
            else_=JOBS.c.progress,
        ),
        attempts=bindparam("note_attempt"),
        updated_at=bindparam("note_at"),
    )
)


async def note_progress(session: AsyncSession, notes: Sequence[ProgressNote], *, now: datetime) -> None:
    """Write where jobs are; progress never falls, and finished jobs and earlier tries are left alone."""
    await session.execute(
        _NOTE,
        [
            {
                "note_job": note.job_id,
                "note_status": JobStatus.RETRYING if note.retrying else JobStatus.ACTIVE,
                "note_progress": note.progress,
                "note_attempt": note.attempt,
                "note_at": now,
            }
            for note in notes
        ],
    )


async def _finish(session: AsyncSession, job_id: UUID, now: datetime, **values: Any) -> bool:
    changed = await session.execute(
        update(JOBS)
        .where(JOBS.c.id == job_id, JOBS.c.status.in_(OPEN))
        .values(finished_at=now, updated_at=now, **values)
        .returning(JOBS.c.id)
    )
    return changed.first() is not None
