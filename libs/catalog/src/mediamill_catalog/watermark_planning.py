"""Writes what an operator asks for as the items of a watermark job, and sends their orders out.

A filter may fit all there is. Each transaction plans some hundreds of media, so that neither memory nor the
time for which media are locked, or others wait to write to SQLite, grows with the job. What is left is in the
job's row: whoever finds it there goes on, and of two who do only one counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import media
from mediamill_catalog.core import MEDIA, WATERMARK_ITEMS, WATERMARK_JOBS
from mediamill_catalog.listing import MediaFilter
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import MediaStatus, SyncItemStatus, SyncStatus
from mediamill_catalog.watermark_orders import order_of
from mediamill_catalog.watermark_selection import Selection, count, selection_of, selection_row, take
from mediamill_catalog.watermark_settling import settle
from mediamill_contracts.ids import new_id
from mediamill_contracts.recipe import Watermark
from mediamill_messaging.envelope import seal
from mediamill_outbox.emit import enqueue_all

_REFUSALS = {
    "not_found": "There is no such medium.",
    "not_ready": "The medium is not ready, or it was deleted.",
    "in_progress": "Another watermark job is at work on the medium.",
    "no_such_variant": "The medium has none of these variants.",
    "not_watermarked": "No variant of the medium is marked.",
}


class NothingToMarkError(Exception):
    """No medium fits the request."""


class PlanOvertakenError(Exception):
    """The job was cancelled, or planned on by another, meanwhile: this transaction must be undone."""


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


async def plan(
    session: AsyncSession,
    job_id: UUID,
    request: WatermarkRequest,
    *,
    settings: PlatformSettings,
    now: datetime,
) -> bool:
    """Write a job and the first of its items, and return whether more is left to be planned.

    Its total is what the filter fits now; when all is planned, what was planned. Raises NothingToMarkError.
    """
    selection = Selection(
        variants=tuple(request.variants),
        media_ids=tuple(dict.fromkeys(request.media_ids)),
        wanted=None if request.media_ids else request.wanted,
    )
    total = await count(session, selection)
    if not total:
        raise NothingToMarkError
    job = {
        "id": job_id,
        "watermark": None if request.watermark is None else request.watermark.model_dump(mode="json"),
        "status": SyncStatus.ACTIVE,
        "total": total,
        "planned": 0,
        "selection": selection_row(selection),
        "done": 0,
        "failed": 0,
        "requested_by": request.requested_by,
        "created_at": now,
        "updated_at": now,
    }
    await session.execute(insert(WATERMARK_JOBS), [job])
    return await plan_next(session, job_id, settings=settings, now=now)


async def plan_next(
    session: AsyncSession, job_id: UUID, *, settings: PlatformSettings, now: datetime
) -> bool:
    """Write the next items of a job, send their orders out, and return whether more is left to be planned.

    Media for which it is not possible become failed items. Media come before the job, as where results are
    recorded: two transactions never wait for each other. Raises PlanOvertakenError.
    """
    jobs = WATERMARK_JOBS.c
    job = (await session.execute(select(WATERMARK_JOBS).where(jobs.id == job_id))).one_or_none()
    if job is None or job.selection is None:
        return False
    selection = selection_of(job.selection)
    media_ids, left = await take(session, selection)
    refused = await _place(session, job, selection, media_ids, settings=settings, now=now) if media_ids else 0
    planned = job.planned + len(media_ids)
    total = planned if left is None else max(job.total, planned)
    is_ours = await session.execute(
        update(WATERMARK_JOBS)
        .where(jobs.id == job_id, jobs.planned == job.planned, jobs.selection.is_not(None))
        .values(planned=planned, selection=selection_row(left), total=total)
        .returning(jobs.id)
    )
    if is_ours.first() is None:
        raise PlanOvertakenError
    await settle(session, job_id, now=now, failed=refused)
    return left is not None


async def stop_planning(session: AsyncSession, job_id: UUID, *, now: datetime) -> None:
    """Let a job be about what is planned of it: once this is committed, it gets no more items."""
    jobs = WATERMARK_JOBS.c
    await session.execute(
        update(WATERMARK_JOBS)
        .where(jobs.id == job_id, jobs.selection.is_not(None))
        .values(selection=None, total=jobs.planned, updated_at=now)
    )


async def find_unplanned(session: AsyncSession, *, before: datetime) -> Sequence[UUID]:
    """Return the jobs with something left to be planned that nothing has happened to since then."""
    jobs = WATERMARK_JOBS.c
    found = await session.scalars(
        select(jobs.id)
        .where(jobs.status == SyncStatus.ACTIVE, jobs.selection.is_not(None), jobs.updated_at < before)
        .order_by(jobs.id)
    )
    return found.all()


async def _place(
    session: AsyncSession,
    job: Row[Any],
    selection: Selection,
    media_ids: Sequence[UUID],
    *,
    settings: PlatformSettings,
    now: datetime,
) -> int:
    """Write items of media, and send out the orders of those that it is possible for; count the rest."""
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
    watermark = None if job.watermark is None else Watermark.model_validate(job.watermark)
    items, orders = [], []
    for media_id in media_ids:
        row, item_id = rows.get(media_id), new_id()
        is_video = row is not None and row.kind == "video"
        names = _names(watermark, selection.variants, variants.get(media_id, ()), is_video=is_video)
        code = _refusal(watermark, selection.variants, row, names, busy)
        items.append(
            {
                "id": item_id,
                "parent_id": job.id,
                "media_id": media_id,
                "variants": names,
                "status": SyncItemStatus.PENDING if code is None else SyncItemStatus.FAILED,
                "code": code,
                "detail": None if code is None else _REFUSALS[code],
                "updated_at": now,
            }
        )
        if row is not None and code is None:
            wanted = [variant for variant in variants[media_id] if variant.name in names]
            orders.append(order_of(item_id, job.id, row, wanted, watermark=watermark, settings=settings))
    await session.execute(insert(WATERMARK_ITEMS), items)
    await enqueue_all(session, [seal(order) for order in orders])
    return len(items) - len(orders)


def _names(
    watermark: Watermark | None, chosen: Sequence[str], variants: Sequence[Row[Any]], *, is_video: bool
) -> list[str]:
    """Return the names of the variants to make again; of a video all, if one of them is concerned."""
    names = [variant.name for variant in variants]
    concerned = [
        variant.name
        for variant in variants
        if (variant.name in chosen if chosen else watermark or variant.watermarked)
    ]
    return names if is_video and concerned else concerned


def _refusal(
    watermark: Watermark | None,
    chosen: Sequence[str],
    row: Row[Any] | None,
    names: Sequence[str],
    busy: set[UUID],
) -> str | None:
    if row is None:
        return "not_found"
    if row.status != MediaStatus.READY or row.deleted_at is not None or row.original_key is None:
        return "not_ready"
    if row.id in busy:
        return "in_progress"
    if not names:
        return "not_watermarked" if watermark is None and not chosen else "no_such_variant"
    return None
