"""What a watermark job's counts and status are.

An item ends once, under a lock on its row, and is counted in that transaction. To count all items again at
each result would take time that grows with the square of their number.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import WATERMARK_JOBS
from mediamill_catalog.sync_settling import OPEN
from mediamill_catalog.tables import SyncStatus


async def lock_job(session: AsyncSession, job_id: UUID) -> Row[Any]:
    """Return how far a job is, and keep it so until the transaction ends; its items are locked before it."""
    jobs = WATERMARK_JOBS.c
    is_planned = jobs.selection.is_(None).label("is_planned")
    columns = (jobs.total, jobs.done, jobs.failed, jobs.status, jobs.finished_at, is_planned)
    found = await session.execute(select(*columns).where(jobs.id == job_id).with_for_update())
    return found.one()


async def settle(
    session: AsyncSession, job_id: UUID, *, now: datetime, done: int = 0, failed: int = 0
) -> None:
    """Add items that have ended in this transaction to the counts of their job; the last one ends it."""
    job = await lock_job(session, job_id)
    done, failed = job.done + done, job.failed + failed
    status, finished_at = job.status, job.finished_at
    if status in OPEN and job.is_planned and done + failed >= job.total:
        status, finished_at = _outcome(done, failed), now
    await session.execute(
        update(WATERMARK_JOBS)
        .where(WATERMARK_JOBS.c.id == job_id)
        .values(done=done, failed=failed, status=status, updated_at=now, finished_at=finished_at)
    )


def _outcome(done: int, failed: int) -> SyncStatus:
    if not failed:
        return SyncStatus.COMPLETED
    return SyncStatus.PARTIAL_FAILED if done else SyncStatus.FAILED
