"""Rows that have served their time: counted, or removed a batch at a time.

Batches are small, since SQLite has one writer and a long transaction of PostgreSQL holds back its vacuum.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Table, and_, delete, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import (
    CALLS,
    IDEMPOTENCY_KEYS,
    JOBS,
    SIGN_IN_LIMITS,
    SYNC_JOBS,
    WATERMARK_JOBS,
)
from mediamill_catalog.recovery import DECISIVE
from mediamill_catalog.tables import JobStatus
from mediamill_contracts.ids import repeatable_id
from mediamill_database import Database
from mediamill_outbox.tables import dead_letter, inbox, outbox

BATCH = 500


@dataclass(frozen=True)
class Expired:
    """Rows of a table that nobody needs any more."""

    table: Table
    condition: ColumnElement[bool]

    async def count(self, session: AsyncSession) -> int:
        """Return how many there are."""
        statement = select(func.count()).select_from(self.table).where(self.condition)
        return (await session.execute(statement)).scalar_one()

    async def remove(self, database: Database) -> int:
        """Remove all of them, each batch in a transaction of its own; return how many."""
        keys = tuple(self.table.primary_key.columns)
        few = select(*keys).where(self.condition).limit(BATCH)
        chosen = keys[0].in_(few) if len(keys) == 1 else tuple_(*keys).in_(few)
        total = 0
        while True:
            async with database.write() as session:
                gone = await session.execute(delete(self.table).where(chosen).returning(keys[0]))
                number = len(gone.all())
            total += number
            if number < BATCH:
                return total


def idempotency_keys(before: datetime) -> Expired:
    """Choose answers that were given before then."""
    return Expired(IDEMPOTENCY_KEYS, IDEMPOTENCY_KEYS.c.created_at < before)


def inbox_entries(before: datetime) -> Expired:
    """Choose deliveries that were handled before then; the broker must not repeat any that old."""
    return Expired(inbox, inbox.c.received_at < before.timestamp())


def closed_dead_letters(before: datetime) -> Expired:
    """Choose letters that were replayed or discarded before then; open ones are kept for ever."""
    return Expired(
        dead_letter, and_(dead_letter.c.status != "open", dead_letter.c.closed_at < before.timestamp())
    )


def ended_sync_jobs(before: datetime) -> Expired:
    """Choose syncs that ended before then; the batches and items of a parent go with it."""
    return Expired(SYNC_JOBS, and_(SYNC_JOBS.c.parent_id.is_(None), SYNC_JOBS.c.finished_at < before))


def ended_watermark_jobs(before: datetime) -> Expired:
    """Choose watermark jobs that ended before then, with their items; the variants say for themselves."""
    return Expired(WATERMARK_JOBS, WATERMARK_JOBS.c.finished_at < before)


def ended_calls(before: datetime) -> Expired:
    """Choose queued calls that ended before then, with their results; one that may be replayed is not lost.

    The dead letter of a call that was given up holds all that its replay needs.
    """
    ended = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)
    return Expired(CALLS, and_(CALLS.c.status.in_(ended), CALLS.c.finished_at < before))


def full_sign_in_limits(now: datetime) -> Expired:
    """Choose those of names that have all their attempts back: they say no more than a missing row."""
    return Expired(SIGN_IN_LIMITS, SIGN_IN_LIMITS.c.full_at < now.timestamp())


async def stuck_messages(
    session: AsyncSession, *, before: datetime, limit: int
) -> tuple[int, list[Row[Any]]]:
    """Return how many messages wait in the outbox since before then, and the oldest of them.

    They are work that somebody was promised: nothing here ever removes them.
    """
    old = outbox.c.created_at < before.timestamp()
    columns = (outbox.c.id, outbox.c.type, outbox.c.attempts, outbox.c.last_error)
    number = (await session.execute(select(func.count()).select_from(outbox).where(old))).scalar_one()
    oldest: Select[Any] = select(*columns).where(old).order_by(outbox.c.id).limit(limit)
    rows = await session.execute(oldest)
    return number, list(rows)


@dataclass(frozen=True)
class JobRetention:
    """Until when finished jobs are kept; all are moments in the past."""

    completed_before: datetime
    """Completed jobs that ended before this go."""
    surplus_before: datetime
    """Of those beyond the newest `keep_newest`, the ones that ended before this: no client asks any more."""
    failed_before: datetime
    """Failed and cancelled jobs that ended before this go, unless a dead letter may still revive them."""
    keep_newest: int


async def expired_jobs(
    session: AsyncSession, retention: JobRetention, *, after: UUID | None = None
) -> Sequence[Row[Any]]:
    """Return a batch of finished jobs (`id`, `status`) that may go, beginning after an id."""
    surplus = (
        select(JOBS.c.finished_at)
        .where(JOBS.c.status == JobStatus.COMPLETED)
        .order_by(JOBS.c.finished_at.desc())
        .offset(retention.keep_newest)
        .limit(1)
        .scalar_subquery()
    )
    unused = or_(
        JOBS.c.finished_at < retention.completed_before,
        and_(JOBS.c.finished_at < retention.surplus_before, JOBS.c.finished_at <= surplus),
    )
    ended = (JobStatus.FAILED, JobStatus.CANCELLED)
    conditions = [
        or_(
            and_(JOBS.c.status == JobStatus.COMPLETED, unused),
            and_(JOBS.c.status.in_(ended), JOBS.c.finished_at < retention.failed_before),
        )
    ]
    if after is not None:
        conditions.append(JOBS.c.id > after)
    statement: Select[Any] = select(JOBS.c.id, JOBS.c.status).where(*conditions)
    batch: Sequence[Row[Any]] = (await session.execute(statement.order_by(JOBS.c.id).limit(BATCH))).all()
    return batch


async def revivable_jobs(session: AsyncSession, job_ids: Iterable[UUID]) -> set[UUID]:
    """Return those that the replay of an open dead letter would open again."""
    job_of = {str(repeatable_id(job_id, name)): job_id for job_id in job_ids for name in DECISIVE}
    found = await session.execute(
        select(dead_letter.c.event_id).where(
            dead_letter.c.status == "open", dead_letter.c.event_id.in_(list(job_of))
        )
    )
    return {job_of[event_id] for event_id in found.scalars()}


async def remove_jobs(session: AsyncSession, job_ids: Sequence[UUID]) -> int:
    """Remove finished jobs; one that was opened again meanwhile stays. Return how many went."""
    gone = await session.execute(
        delete(JOBS).where(JOBS.c.id.in_(job_ids), JOBS.c.finished_at.is_not(None)).returning(JOBS.c.id)
    )
    return len(gone.all())
