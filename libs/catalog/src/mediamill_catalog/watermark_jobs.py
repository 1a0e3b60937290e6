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

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import media
from mediamill_catalog.core import MEDIA, WATERMARK_ITEMS, WATERMARK_JOBS
from mediamill_catalog.listing import MediaFilter, Page, conditions, page_of
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import MediaStatus, SyncItemStatus, SyncStatus
from mediamill_catalog.watermark_orders import order_of
from mediamill_contracts.ids import new_id
from mediamill_contracts.recipe import Watermark
from mediamill_contracts.watermark import WatermarkCancelled
from mediamill_messaging.envelope import seal
from mediamill_outbox.emit import emit, enqueue_all

ITEMS_SHOWN = 1_000
"""Newest items that a job is shown with."""
_AT_ONCE = 500
CANCELLED = "cancelled"
"""Code of the items that a cancelled job had not done."""
_CANCELLED = "The job was cancelled; the variants are as they were."
_REFUSALS = {
    "not_found": "There is no such medium.",
    "not_ready": "The medium is not ready, or it was deleted.",
    "in_progress": "Another watermark job is at work on the medium.",
    "no_such_variant": "The medium has none of these variants.",
    "not_watermarked": "No variant of the medium is marked.",
}


class NothingToMarkError(Exception):
    """No medium fits the request."""


class WatermarkJobNotFoundError(Exception):
    """There is no job with this id."""


class WatermarkJobClosedError(Exception):
    """The job has ended: there is nothing left to cancel."""


@dataclass(frozen=True)
class WatermarkRequest:
    """What an operator asks for, of media named by `media_ids` or by `wanted`."""

    requested_by: str
    watermark: Watermark | None
    """None takes marks off."""
    variants: Sequence[str] = ()
    """Names; none: all, or, where marks are taken off, those that are marked."""
    media_ids: Sequence[UUID] = ()
    wanted: MediaFilter | None = None


@dataclass(frozen=True)
class WatermarkJobDetails:
    """A job as it is shown: its row, and its newest items."""

    job: Row[Any]
    items: Sequence[Row[Any]]


async def plan(
    session: AsyncSession, request: WatermarkRequest, *, settings: PlatformSettings, now: datetime
) -> UUID:
    """Write the job with its items, send the orders out, and return its id.

    Media for which it is not possible become failed items. Raises NothingToMarkError.
    """
    media_ids = await _chosen(session, request)
    if not media_ids:
        raise NothingToMarkError
    job_id = new_id()
    mark = None if request.watermark is None else request.watermark.model_dump(mode="json")
    job = {
        "id": job_id,
        "watermark": mark,
        "status": SyncStatus.ACTIVE,
        "total": len(media_ids),
        "done": 0,
        "failed": 0,
        "requested_by": request.requested_by,
        "created_at": now,
        "updated_at": now,
    }
    await session.execute(insert(WATERMARK_JOBS), [job])
    for start in range(0, len(media_ids), _AT_ONCE):
        await _place(
            session, request, job_id, media_ids[start : start + _AT_ONCE], settings=settings, now=now
        )
    await settle(session, job_id, now=now)
    return job_id


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

    Items come before their job, as where results are recorded: two transactions never wait for each other.
    Raises WatermarkJobNotFoundError, WatermarkJobClosedError.
    """
    if await _find_row(session, job_id) is None:
        raise WatermarkJobNotFoundError
    dropped = await session.execute(
        update(WATERMARK_ITEMS)
        .where(WATERMARK_ITEMS.c.parent_id == job_id, WATERMARK_ITEMS.c.status == SyncItemStatus.PENDING)
        .values(status=SyncItemStatus.FAILED, code=CANCELLED, detail=_CANCELLED, updated_at=now)
        .returning(WATERMARK_ITEMS.c.id)
    )
    if not dropped.all():
        raise WatermarkJobClosedError
    await settle(session, job_id, now=now)
    await session.execute(
        update(WATERMARK_JOBS).where(WATERMARK_JOBS.c.id == job_id).values(status=SyncStatus.CANCELLED)
    )
    await emit(session, WatermarkCancelled(parent_job_id=job_id))


async def settle(session: AsyncSession, job_id: UUID, *, now: datetime) -> None:
    """Derive counts and status of a job from its items; whoever ended one of them calls this."""
    lock = select(WATERMARK_JOBS).where(WATERMARK_JOBS.c.id == job_id).with_for_update()
    job = (await session.execute(lock)).one()
    counted = await session.execute(
        select(WATERMARK_ITEMS.c.status, func.count().label("number"))
        .where(WATERMARK_ITEMS.c.parent_id == job_id)
        .group_by(WATERMARK_ITEMS.c.status)
    )
    counts: dict[SyncItemStatus, int] = {row.status: row.number for row in counted}
    done, failed = counts.get(SyncItemStatus.DONE, 0), counts.get(SyncItemStatus.FAILED, 0)
    status = _status(job.total, done, failed)
    await session.execute(
        update(WATERMARK_JOBS)
        .where(WATERMARK_JOBS.c.id == job_id)
        .values(
            done=done,
            failed=failed,
            status=status,
            updated_at=now,
            finished_at=None if status is SyncStatus.ACTIVE else job.finished_at or now,
        )
    )


def _status(total: int, done: int, failed: int) -> SyncStatus:
    if done + failed < total:
        return SyncStatus.ACTIVE
    if not failed:
        return SyncStatus.COMPLETED
    return SyncStatus.PARTIAL_FAILED if done else SyncStatus.FAILED


async def _find_row(session: AsyncSession, job_id: UUID) -> Row[Any] | None:
    """Return the job without its items, or None."""
    return (await session.execute(select(WATERMARK_JOBS).where(WATERMARK_JOBS.c.id == job_id))).one_or_none()


async def _chosen(session: AsyncSession, request: WatermarkRequest) -> list[UUID]:
    if request.media_ids:
        return list(dict.fromkeys(request.media_ids))
    if request.wanted is None:
        return []
    ready = (
        MEDIA.c.status == MediaStatus.READY,
        MEDIA.c.purge_requested_at.is_(None),
    )
    found = await session.execute(
        select(MEDIA.c.id).where(*conditions(request.wanted), *ready).order_by(MEDIA.c.id)
    )
    return list(found.scalars())


async def _place(
    session: AsyncSession,
    request: WatermarkRequest,
    job_id: UUID,
    media_ids: Sequence[UUID],
    *,
    settings: PlatformSettings,
    now: datetime,
) -> None:
    """Write the items of some media, and send out the orders of those that it is possible for."""
    locked = await session.execute(
        select(MEDIA).where(MEDIA.c.id.in_(media_ids)).order_by(MEDIA.c.id).with_for_update(key_share=True)
    )
    rows = {row.id: row for row in locked}
    variants = await media.variants_of(session, list(rows))
    busy = set(
        await session.scalars(
            select(WATERMARK_ITEMS.c.media_id).where(
                WATERMARK_ITEMS.c.media_id.in_(media_ids), WATERMARK_ITEMS.c.status == SyncItemStatus.PENDING
            )
        )
    )
    items, orders = [], []
    for media_id in media_ids:
        row, item_id = rows.get(media_id), new_id()
        names = _names(request, variants.get(media_id, ()), is_video=row is not None and row.kind == "video")
        code = _refusal(request, row, names, busy)
        items.append(
            {
                "id": item_id,
                "parent_id": job_id,
                "media_id": media_id,
                "variants": names,
                "status": SyncItemStatus.PENDING if code is None else SyncItemStatus.FAILED,
                "code": code,
                "detail": None if code is None else _REFUSALS[code],
                "updated_at": now,
            }
        )
        if row is not None and code is None:
            orders.append(
                order_of(
                    item_id,
                    job_id,
                    row,
                    [variant for variant in variants[media_id] if variant.name in names],
                    watermark=request.watermark,
                    settings=settings,
                )
            )
    await session.execute(insert(WATERMARK_ITEMS), items)
    await enqueue_all(session, [seal(order) for order in orders])


def _names(request: WatermarkRequest, variants: Sequence[Row[Any]], *, is_video: bool) -> list[str]:
    """Return the names of the variants to make again; of a video all, if one of them is concerned."""
    names = [variant.name for variant in variants]
    concerned = [
        variant.name
        for variant in variants
        if (
            variant.name in request.variants if request.variants else request.watermark or variant.watermarked
        )
    ]
    return names if is_video and concerned else concerned


def _refusal(
    request: WatermarkRequest, row: Row[Any] | None, names: Sequence[str], busy: set[UUID]
) -> str | None:
    if row is None:
        return "not_found"
    if row.status != MediaStatus.READY or row.deleted_at is not None or row.original_key is None:
        return "not_ready"
    if row.id in busy:
        return "in_progress"
    if not names:
        return "not_watermarked" if request.watermark is None and not request.variants else "no_such_variant"
    return None
