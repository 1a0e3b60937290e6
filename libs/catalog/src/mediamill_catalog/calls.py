"""State changes of queued calls: a call that has ended stays as it is, unless a dead letter is replayed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import CALLS
from mediamill_catalog.jobs import OPEN
from mediamill_catalog.listing import Page, page_of
from mediamill_catalog.tables import JobStatus
from mediamill_contracts.call import CallCompleted, CallProgressed, RequestCall


async def add(session: AsyncSession, call: RequestCall, *, trace_id: str | None, now: datetime) -> None:
    """Insert a call that waits."""
    await session.execute(
        insert(CALLS).values(
            id=call.job_id,
            user_id=call.user_id,
            type=call.call_type,
            status=JobStatus.WAITING,
            attempts=0,
            payload=call.payload,
            trace_id=trace_id,
            created_at=now,
            updated_at=now,
        )
    )


async def find(session: AsyncSession, call_id: UUID) -> Row[Any] | None:
    """Return the row, or None."""
    return (await session.execute(select(CALLS).where(CALLS.c.id == call_id))).one_or_none()


async def list_calls(
    session: AsyncSession,
    *,
    user_id: str,
    status: JobStatus | None = None,
    limit: int,
    after: UUID | None = None,
) -> Page[Row[Any]]:
    """Return up to `limit` calls of a user, newest first."""
    statement = select(CALLS).where(CALLS.c.user_id == user_id)
    if status is not None:
        statement = statement.where(CALLS.c.status == status)
    return await page_of(session, statement, CALLS, limit, after)


async def count_calls(session: AsyncSession) -> dict[tuple[str, JobStatus], int]:
    """Return how many calls there are of each type and status."""
    columns = (CALLS.c.type, CALLS.c.status)
    found = await session.execute(select(*columns, func.count()).group_by(*columns))
    return {(row[0], row[1]): row[2] for row in found}


async def note_progress(session: AsyncSession, news: CallProgressed, *, now: datetime) -> None:
    """Write where an open call is, unless a later attempt has told already."""
    status = JobStatus.RETRYING if news.status == "retrying" else JobStatus.ACTIVE
    await session.execute(
        update(CALLS)
        .where(
            CALLS.c.id == news.job_id,
            CALLS.c.user_id == news.user_id,
            CALLS.c.status.in_(OPEN),
            or_(
                CALLS.c.attempts < news.attempt,
                (CALLS.c.attempts == news.attempt) & (CALLS.c.status != JobStatus.RETRYING),
            ),
        )
        .values(status=status, attempts=news.attempt, error_detail=news.detail, updated_at=now)
    )


async def complete(session: AsyncSession, ended: CallCompleted, *, now: datetime) -> bool:
    """Move an open call to its end; return whether it was open."""
    status = JobStatus.COMPLETED if ended.status == "completed" else JobStatus.FAILED
    return await _finish(
        session,
        ended.job_id,
        ended.user_id,
        now,
        status=status,
        result=ended.result,
        error_code=ended.code,
        error_detail=ended.detail,
    )


async def reopen(session: AsyncSession, call_id: UUID, *, now: datetime) -> bool:
    """Move a failed call back to waiting, for a replay; return whether it was failed."""
    changed = await session.execute(
        update(CALLS)
        .where(CALLS.c.id == call_id, CALLS.c.status == JobStatus.FAILED)
        .values(
            status=JobStatus.WAITING,
            attempts=0,
            error_code=None,
            error_detail=None,
            finished_at=None,
            updated_at=now,
        )
        .returning(CALLS.c.id)
    )
    return changed.first() is not None


async def _finish(session: AsyncSession, call_id: UUID, user_id: str, now: datetime, **values: Any) -> bool:
    changed = await session.execute(
        update(CALLS)
        .where(CALLS.c.id == call_id, CALLS.c.user_id == user_id, CALLS.c.status.in_(OPEN))
        .values(finished_at=now, updated_at=now, **values)
        .returning(CALLS.c.id)
    )
    return changed.first() is not None
