"""Writes what became of watermark orders: new variants take the place of the old ones in one transaction.

A result counts once, and only for the order that is out. What it stored and nobody uses is removed; what it
replaced goes after a grace, for those who are being served it at that moment.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import media, timeline
from mediamill_catalog.core import MEDIA, VARIANTS, WATERMARK_ITEMS, WATERMARK_JOBS
from mediamill_catalog.placement import stores_of
from mediamill_catalog.recovery import public_code
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import MediaStatus, SyncItemStatus
from mediamill_catalog.timeline import Happening
from mediamill_catalog.watermark_orders import order_of
from mediamill_catalog.watermark_settling import settle
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import JobMessage
from mediamill_contracts.recipe import Store, Watermark
from mediamill_contracts.sync import RequestPurge
from mediamill_contracts.watermark import MediaRemade, WatermarkApplied
from mediamill_outbox import emit

BUSY_SECONDS = 30
"""Before the next order for a medium that is leaving a store: when that has ended, its place is known."""
GRACE_SECONDS = 60
"""Replaced files stay so long for who has found out where they are and not read them yet."""


async def record_applied(
    session: AsyncSession,
    event: WatermarkApplied,
    *,
    settings: PlatformSettings,
    now: datetime,
    trace_id: str | None = None,
) -> None:
    """Write an order's result: the exchange, or why there is none.

    An order that the medium did not wait for, since it has moved or is leaving a store, goes out again, also
    when it failed: what it did not find may be where the medium is now.
    """
    medium = await media.find(session, event.media_id, lock=True)
    item = await _item(session, event.job_id)
    if item is not None and item.status is SyncItemStatus.DONE:
        return
    if item is None or item.status is SyncItemStatus.FAILED:
        await _discard(session, event, settings)
        return
    if medium is None or medium.status != MediaStatus.READY or medium.purge_requested_at:
        await _discard(session, event, settings)
        await _end(session, item, now, code="not_ready", detail="The medium is gone.")
        return
    claimed = stores_of(medium.storage_status)
    has_moved = medium.original_key != event.source.key or not set(claimed) <= set(event.stored_in)
    if has_moved or medium.removing is not None:
        await _discard(session, event, settings)
        await _order_again(session, item, medium, settings, now)
        return
    if event.code is not None:
        await _end(session, item, now, code=event.code, detail=event.detail or event.code)
        return
    await _exchange(session, event, medium, settings=settings, now=now)
    parent = await _parent(session, item)
    await _announce(session, event, medium, marked=parent.watermark is not None)
    line = Happening(
        event.media_id,
        event.wire_name,
        now,
        job_id=event.job_id,
        detail={
            "parentJobId": str(item.parent_id),
            "variants": [variant.name for variant in event.variants],
            "watermarked": parent.watermark is not None,
        },
        actor=parent.requested_by,
        trace_id=trace_id,
    )
    await timeline.record(session, line)
    await _end(session, item, now)


async def record_lost_order(session: AsyncSession, payload: bytes, code: str, *, now: datetime) -> None:
    """Fail the item whose order, or whose result, became a dead letter; the others go on."""
    try:
        about = JobMessage.model_validate_json(payload)
    except ValidationError:
        return
    item = await _item(session, about.job_id)
    if item is not None and item.status is SyncItemStatus.PENDING:
        detail = "Something went wrong on our side; the variants are as they were."
        await _end(session, item, now, code=public_code(code), detail=detail)


async def _exchange(
    session: AsyncSession,
    event: WatermarkApplied,
    medium: Row[Any],
    *,
    settings: PlatformSettings,
    now: datetime,
) -> None:
    """Point the variants to their new objects; copies of the old ones that are under way do not count.

    Copies of the new ones in a store that the medium has given up meanwhile stay: to remove what is named now
    could hit a claim that comes later.
    """
    names = [variant.name for variant in event.variants]
    old = await session.scalars(
        select(VARIANTS.c.key).where(VARIANTS.c.media_id == medium.id, VARIANTS.c.name.in_(names))
    )
    replaced = set(old) - {variant.object.key for variant in event.variants}
    for variant in event.variants:
        await session.execute(
            update(VARIANTS)
            .where(VARIANTS.c.media_id == medium.id, VARIANTS.c.name == variant.name)
            .values(
                key=variant.object.key,
                media_type=variant.object.media_type,
                width=variant.width,
                height=variant.height,
                frames=variant.frames,
                size_bytes=variant.object.size_bytes,
                sha256=variant.object.sha256,
                watermarked=variant.watermarked,
                revision=VARIANTS.c.revision + 1,
            )
        )
    await session.execute(update(MEDIA).where(MEDIA.c.id == medium.id).values(rekeyed_at=now, updated_at=now))
    removal = _removal(event, replaced, ("local", "s3"), settings)
    await emit(session, removal, delay_seconds=GRACE_SECONDS)


async def _announce(
    session: AsyncSession, event: WatermarkApplied, medium: Row[Any], *, marked: bool
) -> None:
    """Tell the owner once it can be seen."""
    announcement = MediaRemade(
        media_id=medium.id,
        job_id=event.job_id,
        user_id=medium.user_id,
        variants=tuple(variant.name for variant in event.variants),
        watermarked=marked,
    )
    await emit(session, announcement)


async def _discard(session: AsyncSession, event: WatermarkApplied, settings: PlatformSettings) -> None:
    """Have what an order stored removed, except for what is in use: the result may be a repetition."""
    keys = {variant.object.key for variant in event.variants}
    used = await session.scalars(
        select(VARIANTS.c.key).where(VARIANTS.c.media_id == event.media_id, VARIANTS.c.key.in_(keys))
    )
    unused = keys - set(used)
    if unused:
        await emit(session, _removal(event, unused, event.stored_in, settings))


def _removal(
    event: WatermarkApplied, keys: Iterable[str], stores: tuple[Store, ...], settings: PlatformSettings
) -> RequestPurge:
    location = settings.known_s3_location
    return RequestPurge(
        media_id=event.media_id,
        user_id=event.user_id,
        keys=tuple(sorted(keys)),
        stores=stores if location is not None else ("local",),
        final=False,
        s3=location,
        requested_by="system",
    )


async def _order_again(
    session: AsyncSession, item: Row[Any], medium: Row[Any], settings: PlatformSettings, now: datetime
) -> None:
    """Send the order out again as things are now: the medium has moved meanwhile."""
    parent = await _parent(session, item)
    variants = (await media.variants_of(session, [medium.id])).get(medium.id, [])
    watermark = None if parent.watermark is None else Watermark.model_validate(parent.watermark)
    wanted = [variant for variant in variants if variant.name in item.variants]
    again = new_id()
    await session.execute(
        update(WATERMARK_ITEMS).where(WATERMARK_ITEMS.c.id == item.id).values(id=again, updated_at=now)
    )
    order = order_of(again, parent.id, medium, wanted, watermark=watermark, settings=settings)
    await emit(session, order, delay_seconds=0 if medium.removing is None else BUSY_SECONDS)


async def _item(session: AsyncSession, job_id: UUID) -> Row[Any] | None:
    """Return the order's item, locked; None also for an order in whose place another went out."""
    found = await session.execute(
        select(WATERMARK_ITEMS).where(WATERMARK_ITEMS.c.id == job_id).with_for_update()
    )
    return found.one_or_none()


async def _parent(session: AsyncSession, item: Row[Any]) -> Row[Any]:
    jobs = WATERMARK_JOBS.c
    columns = [jobs.id, jobs.watermark, jobs.requested_by]
    return (await session.execute(select(*columns).where(jobs.id == item.parent_id))).one()


async def _end(
    session: AsyncSession,
    item: Row[Any],
    now: datetime,
    *,
    code: str | None = None,
    detail: str | None = None,
) -> None:
    status = SyncItemStatus.DONE if code is None else SyncItemStatus.FAILED
    await session.execute(
        update(WATERMARK_ITEMS)
        .where(WATERMARK_ITEMS.c.id == item.id)
        .values(status=status, code=code, detail=detail, updated_at=now)
    )
    is_done = status is SyncItemStatus.DONE
    await settle(session, item.parent_id, now=now, done=int(is_done), failed=int(not is_done))
