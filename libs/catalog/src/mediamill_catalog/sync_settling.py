"""What a job's counts and status are, always derived again from its items: never added up on the way.

Whoever changes a job holds the lock on the topmost row of its family, so that batches that end at the same
time see each other's counts.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import SYNC_ITEMS, SYNC_JOBS
from mediamill_catalog.tables import SyncItemStatus, SyncStatus
from mediamill_contracts.sync import SyncUpdated
from mediamill_outbox import emit

OPEN = (SyncStatus.WAITING, SyncStatus.ACTIVE)
"""States of a job that has not ended."""
_UNDECIDED = (SyncItemStatus.PENDING, SyncItemStatus.COPIED)


async def lock_job(session: AsyncSession, job_id: UUID) -> Row[Any] | None:
    """Return the job as it is, with its family locked until the transaction ends; None if there is none."""
    family = select(func.coalesce(SYNC_JOBS.c.parent_id, SYNC_JOBS.c.id)).where(SYNC_JOBS.c.id == job_id)
    top = select(SYNC_JOBS.c.id).where(SYNC_JOBS.c.id == family.scalar_subquery()).with_for_update()
    if (await session.execute(top)).first() is None:
        return None
    return (await session.execute(select(SYNC_JOBS).where(SYNC_JOBS.c.id == job_id))).one_or_none()


async def settle(session: AsyncSession, job_id: UUID, *, now: datetime) -> None:
    """Derive counts and status of a job, and then of its parent."""
    job = (await session.execute(select(SYNC_JOBS).where(SYNC_JOBS.c.id == job_id))).one()
    if job.is_parent:
        await _settle_parent(session, job, now)
        return
    await _settle_batch(session, job, now)
    if job.parent_id is not None:
        await settle(session, job.parent_id, now=now)


async def announce(session: AsyncSession, top_id: UUID) -> None:
    """Tell operators what the record says of a job without a parent."""
    job = (await session.execute(select(SYNC_JOBS).where(SYNC_JOBS.c.id == top_id))).one()
    await emit(
        session,
        SyncUpdated(
            sync_job_id=job.id,
            operation=job.operation,
            status=job.status.value,
            total_files=job.total_files,
            processed_files=job.processed_files,
            failed_files=job.failed_files,
            processed_bytes=job.processed_bytes,
        ),
    )


async def _settle_batch(session: AsyncSession, job: Row[Any], now: datetime) -> None:
    items = SYNC_ITEMS.c
    failed_files = case((items.status == SyncItemStatus.FAILED, items.files - items.done_files), else_=0)
    counted = await session.execute(
        select(
            items.status,
            func.sum(items.done_files).label("processed"),
            func.sum(failed_files).label("failed"),
            func.sum(items.done_bytes).label("bytes"),
        )
        .where(items.job_id == job.id)
        .group_by(items.status)
    )
    rows = counted.all()
    await _write(
        session,
        job,
        _status_of_batch(job, {row.status for row in rows}),
        now,
        processed_files=sum(int(row.processed) for row in rows),
        failed_files=sum(int(row.failed) for row in rows),
        processed_bytes=sum(int(row.bytes) for row in rows),
    )


async def _settle_parent(session: AsyncSession, job: Row[Any], now: datetime) -> None:
    batches = SYNC_JOBS.c
    counted = await session.execute(
        select(
            batches.status,
            func.sum(batches.processed_files).label("processed"),
            func.sum(batches.failed_files).label("failed"),
            func.sum(batches.processed_bytes).label("bytes"),
        )
        .where(batches.parent_id == job.id)
        .group_by(batches.status)
    )
    rows = counted.all()
    await _write(
        session,
        job,
        _status_of_parent({row.status for row in rows}),
        now,
        processed_files=sum(int(row.processed) for row in rows),
        failed_files=sum(int(row.failed) for row in rows),
        processed_bytes=sum(int(row.bytes) for row in rows),
    )


async def _write(
    session: AsyncSession, job: Row[Any], status: SyncStatus, now: datetime, **counts: int
) -> None:
    finished_at = None if status in OPEN else job.finished_at or now
    await session.execute(
        update(SYNC_JOBS)
        .where(SYNC_JOBS.c.id == job.id)
        .values(status=status, finished_at=finished_at, updated_at=now, **counts)
    )


def _status_of_batch(job: Row[Any], items: Collection[SyncItemStatus]) -> SyncStatus:
    if set(items) == {SyncItemStatus.DONE}:
        return SyncStatus.COMPLETED
    if job.status is SyncStatus.CANCELLED:
        return SyncStatus.CANCELLED
    if any(status in _UNDECIDED for status in items):
        return SyncStatus.WAITING if job.sent_at is None else SyncStatus.ACTIVE
    return SyncStatus.FAILED if set(items) == {SyncItemStatus.FAILED} else SyncStatus.PARTIAL_FAILED


def _status_of_parent(batches: Collection[SyncStatus]) -> SyncStatus:
    if set(batches) == {SyncStatus.WAITING}:
        return SyncStatus.WAITING
    if any(status in OPEN for status in batches):
        return SyncStatus.ACTIVE
    if len(set(batches)) == 1:
        return next(iter(batches))
    return SyncStatus.CANCELLED if SyncStatus.CANCELLED in batches else SyncStatus.PARTIAL_FAILED
