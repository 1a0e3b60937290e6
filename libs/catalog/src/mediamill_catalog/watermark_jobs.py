"""Watermarks on media that exist already: one order for each medium, and a parent that counts them.

The variants are made again from the original, so that taking a mark off gives what was there before, and
under new keys, so that nobody who is being served sees a file change. A medium has one order out at a time.
All functions run inside the caller's transaction and emit what they cause through the outbox.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import WATERMARK_ITEMS, WATERMARK_JOBS
from mediamill_catalog.listing import Page, page_of
from mediamill_catalog.sync_settling import OPEN
from mediamill_catalog.tables import SyncItemStatus, SyncStatus
from mediamill_catalog.watermark_settling import lock_job
from mediamill_contracts.watermark import WatermarkCancelled
from mediamill_outbox import emit
from mediamill_outbox.rows import affected

ITEMS_SHOWN = 1_000
"""Newest items that a job is shown with."""
CANCELLED = "cancelled"
"""Code of the items that a cancelled job had not done."""
_CANCELLED = "The job was cancelled; the variants are as they were."


class WatermarkJobNotFoundError(Exception):
    """There is no job with this id."""


class WatermarkJobClosedError(Exception):
    """The job has ended: there is nothing left to cancel."""


@dataclass(frozen=True)
class WatermarkJobDetails:
    """A job as it is shown: its row, and its newest items."""

    job: Row[Any]
    items: Sequence[Row[Any]]


async def find(session: AsyncSession, job_id: UUID) -> WatermarkJobDetails | None:
    """Return the job with its newest items, or None."""
    job = await _find_row(session, job_id)
    if job is None:
        return None
    items = await session.execute(
        select(WATERMARK_ITEMS)
        .where(WATERMARK_ITEMS.c.parent_id == job_id)
        .order_by(WATERMARK_ITEMS.c.updated_at.desc(), WATERMARK_ITEMS.c.id)
        .limit(ITEMS_SHOWN)
    )
    return WatermarkJobDetails(job, items.all())


async def list_jobs(session: AsyncSession, *, limit: int, after: UUID | None = None) -> Page[Row[Any]]:
    """Return up to `limit` jobs without their items, newest first."""
    return await page_of(session, select(WATERMARK_JOBS), WATERMARK_JOBS, limit, after)


async def cancel(session: AsyncSession, job_id: UUID, *, now: datetime) -> None:
    """End a job: media that are not done stay as they are, workers stop, and later results do not count.

    `watermark_planning.stop_planning` is committed before, so that no items come after those that end here.
    Items come before their job, as where results are recorded: two transactions never wait for each other.
    Raises WatermarkJobNotFoundError, WatermarkJobClosedError.
    """
    if await _find_row(session, job_id) is None:
        raise WatermarkJobNotFoundError
    dropped = await session.execute(
        update(WATERMARK_ITEMS)
        .where(WATERMARK_ITEMS.c.parent_id == job_id, WATERMARK_ITEMS.c.status == SyncItemStatus.PENDING)
        .values(status=SyncItemStatus.FAILED, code=CANCELLED, detail=_CANCELLED, updated_at=now)
    )
    job = await lock_job(session, job_id)
    if job.status not in OPEN:
        raise WatermarkJobClosedError
    await session.execute(
        update(WATERMARK_JOBS)
        .where(WATERMARK_JOBS.c.id == job_id)
        .values(
            status=SyncStatus.CANCELLED,
            failed=job.failed + affected(dropped),
            updated_at=now,
            finished_at=now,
        )
    )
    await emit(session, WatermarkCancelled(parent_job_id=job_id))


async def _find_row(session: AsyncSession, job_id: UUID) -> Row[Any] | None:
    """Return the job without its items, or None."""
    return (await session.execute(select(WATERMARK_JOBS).where(WATERMARK_JOBS.c.id == job_id))).one_or_none()
