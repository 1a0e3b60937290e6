"""Transfers that operators asked for: looked at, listed, cancelled, and retried where they failed.

A parent's children are its batches; at most `BATCHES_IN_FLIGHT` of them are sent out at once, the next when
one has ended. All functions run inside the caller's transaction and emit what they cause through the outbox.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import SYNC_ITEMS, SYNC_JOBS
from mediamill_catalog.listing import Page
from mediamill_catalog.sync_dispatch import dispatch
from mediamill_catalog.sync_planning import location_row
from mediamill_catalog.sync_settling import OPEN, announce, lock_job, settle
from mediamill_catalog.tables import SyncItemStatus, SyncStatus
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import SyncCancelled, SyncRun
from mediamill_outbox import emit

RESULTS_SHOWN = 1_000
"""Newest results of files that a job is shown with."""
_RUNS_IN_A_MESSAGE = 1_000
_UNDONE = (SyncItemStatus.PENDING, SyncItemStatus.COPIED, SyncItemStatus.FAILED)


class SyncJobNotFoundError(Exception):
    """There is no job with this id."""


class SyncJobClosedError(Exception):
    """The job has ended: there is nothing left to cancel."""


class NothingToRetryError(Exception):
    """The job has not ended yet, or everything in it is done."""


@dataclass(frozen=True)
class SyncJobDetails:
    """A job as it is shown: its row, its batches, and the newest results of its files."""

    job: Row[Any]
    children: Sequence[Row[Any]] = ()
    results: Sequence[dict[str, Any]] = field(default=())
    """`mediaId`, `key`, `sizeBytes`, `status` (done, failed), `code`, `detail`, `at` of each file."""


async def find(
    session: AsyncSession, job_id: UUID, *, results: int = RESULTS_SHOWN, batches: bool = True
) -> SyncJobDetails | None:
    """Return the job, with its batches if asked for them and so many of its newest results, or None."""
    job = (await session.execute(select(SYNC_JOBS).where(SYNC_JOBS.c.id == job_id))).one_or_none()
    if job is None:
        return None
    children = await _batches_of(session, job_id) if batches else ()
    return SyncJobDetails(job, children, await _newest_results(session, job_id, results) if results else ())


async def list_jobs(
    session: AsyncSession, *, limit: int, after: UUID | None = None, status: SyncStatus | None = None
) -> Page[Row[Any]]:
    """Return up to `limit` jobs that somebody asked for, without their batches, newest first."""
    statement = select(SYNC_JOBS).where(SYNC_JOBS.c.parent_id.is_(None))
    if status is not None:
        statement = statement.where(SYNC_JOBS.c.status == status)
    if after is not None:
        statement = statement.where(SYNC_JOBS.c.id < after)
    rows = (await session.execute(statement.order_by(SYNC_JOBS.c.id.desc()).limit(limit + 1))).all()
    return Page(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


async def cancel(session: AsyncSession, job_id: UUID, *, now: datetime) -> None:
    """End a job, or one batch of it: what waits is not sent out, and workers stop within seconds.

    What they have done by then still comes in and is counted. Raises SyncJobNotFoundError,
    SyncJobClosedError.
    """
    job = await lock_job(session, job_id)
    if job is None:
        raise SyncJobNotFoundError
    if job.status not in OPEN:
        raise SyncJobClosedError
    cancelled = await session.execute(
        update(SYNC_JOBS)
        .where(or_(SYNC_JOBS.c.id == job_id, SYNC_JOBS.c.parent_id == job_id), SYNC_JOBS.c.status.in_(OPEN))
        .values(status=SyncStatus.CANCELLED, finished_at=now, updated_at=now)
        .returning(SYNC_JOBS.c.id, SYNC_JOBS.c.run, SYNC_JOBS.c.sent_at)
    )
    runs = [SyncRun(sync_job_id=row.id, run=row.run) for row in cancelled if row.sent_at is not None]
    for start in range(0, len(runs), _RUNS_IN_A_MESSAGE):
        await emit(session, SyncCancelled(runs=tuple(runs[start : start + _RUNS_IN_A_MESSAGE])))
    await settle(session, job_id, now=now)
    top = job.parent_id or job_id
    await dispatch(session, top, now=now)
    await announce(session, top)


async def retry(session: AsyncSession, job_id: UUID, *, s3: S3Location | None, now: datetime) -> None:
    """Send out again what is not done, in its batches; what is done stays as it is.

    `s3` is where S3 is by the settings of now: a wrong name may be why it failed. Raises
    SyncJobNotFoundError, NothingToRetryError.
    """
    job = await lock_job(session, job_id)
    if job is None:
        raise SyncJobNotFoundError
    if job.status in OPEN:
        raise NothingToRetryError
    family = or_(SYNC_JOBS.c.id == job_id, SYNC_JOBS.c.parent_id == job_id)
    batch_ids = select(SYNC_JOBS.c.id).where(family)
    undone = await session.execute(
        update(SYNC_ITEMS)
        .where(SYNC_ITEMS.c.job_id.in_(batch_ids), SYNC_ITEMS.c.status.in_(_UNDONE))
        .values(
            status=SyncItemStatus.PENDING, done_files=0, done_bytes=0, code=None, detail=None, updated_at=now
        )
        .returning(SYNC_ITEMS.c.job_id)
    )
    again = sorted(set(undone.scalars()))
    if not again:
        raise NothingToRetryError
    await session.execute(
        update(SYNC_JOBS)
        .where(SYNC_JOBS.c.id.in_(again))
        .values(
            status=SyncStatus.WAITING,
            run=SYNC_JOBS.c.run + 1,
            location=location_row(s3),
            sent_at=None,
            finished_at=None,
            updated_at=now,
        )
    )
    top = job.parent_id or job_id
    await session.execute(
        update(SYNC_JOBS)
        .where(SYNC_JOBS.c.id == top)
        .values(status=SyncStatus.WAITING, finished_at=None, updated_at=now)
    )
    for batch_id in again:
        await settle(session, batch_id, now=now)
    await dispatch(session, top, now=now)
    await announce(session, top)


async def _batches_of(session: AsyncSession, job_id: UUID) -> Sequence[Row[Any]]:
    found = await session.execute(
        select(SYNC_JOBS).where(SYNC_JOBS.c.parent_id == job_id).order_by(SYNC_JOBS.c.batch_index)
    )
    return found.all()


async def _newest_results(session: AsyncSession, job_id: UUID, limit: int) -> list[dict[str, Any]]:
    batch_ids = select(SYNC_JOBS.c.id).where(or_(SYNC_JOBS.c.id == job_id, SYNC_JOBS.c.parent_id == job_id))
    ended = (SyncItemStatus.DONE, SyncItemStatus.FAILED)
    items = await session.execute(
        select(SYNC_ITEMS)
        .where(SYNC_ITEMS.c.job_id.in_(batch_ids), SYNC_ITEMS.c.status.in_(ended))
        .order_by(SYNC_ITEMS.c.updated_at.desc(), SYNC_ITEMS.c.media_id)
        .limit(limit)
    )
    results = [result for item in items for result in _results_of(item)]
    return results[:limit]


def _results_of(item: Row[Any]) -> list[dict[str, Any]]:
    """Return one result for each object; one for the medium where nothing is known of its objects."""
    objects = item.objects or [{"key": None, "sizeBytes": item.size_bytes, "code": item.code}]
    return [
        {
            "mediaId": item.media_id,
            "key": entry["key"],
            "sizeBytes": entry["sizeBytes"],
            "status": "failed" if entry.get("code") else "done",
            "code": entry.get("code"),
            "detail": entry.get("detail") or (item.detail if entry.get("code") else None),
            "at": item.updated_at,
        }
        for entry in objects
    ]
