"""Writes what became of watermark orders: new variants take the place of the old ones in one transaction.

A result counts once, and only for the order that is out. What it stored and nobody uses is removed; what it
replaced goes after a grace, for those who are being served it at that moment.
"""

from collections.abc import Collection, Iterable
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
from mediamill_catalog.watermark_jobs import settle
from mediamill_catalog.watermark_orders import order_of
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import JobMessage
from mediamill_contracts.recipe import Store, Watermark
from mediamill_contracts.sync import RequestPurge
from mediamill_contracts.watermark import WatermarkApplied
from mediamill_outbox import emit, emit_later

GRACE_SECONDS = 60
"""Replaced files stay so long for who has found out where they are and not read them yet."""


class MediumBusyError(Exception):
    """Objects of the medium are being removed from a store: the result has to wait until that has ended."""


async def record_applied(
    session: AsyncSession,
    event: WatermarkApplied,
    *,
    settings: PlatformSettings,
    now: datetime,
    trace_id: str | None = None,
) -> None:
    """Write an order's result; raises MediumBusyError when it has to come again."""
    medium = await media.find(session, event.media_id, lock=True)
    item = await _pending_item(session, event.job_id)
    if medium is None or item is None or medium.status != MediaStatus.READY or medium.purge_requested_at:
        await _discard(session, event, settings)
        if item is not None:
            await _end(session, item, now, code="not_ready", detail="The medium is gone.")
        return
    if event.code is not None:
        await _end(session, item, now, code=event.code, detail=event.detail or event.code)
        return
    if medium.removing is not None:
        raise MediumBusyError(f"objects are being removed from {medium.removing}")
    claimed = stores_of(medium.storage_status)
    if medium.original_key != event.source.key or not set(claimed) <= set(event.stored_in):
        await _discard(session, event, settings)
        await _order_again(session, item, medium, settings, now)
        return
    await _exchange(session, event, medium, claimed, settings=settings, now=now)
    parent = await _parent(session, item)
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
    item = await _pending_item(session, about.job_id)
    if item is not None:
        detail = "Something went wrong on our side; the variants are as they were."
        await _end(session, item, now, code=public_code(code), detail=detail)


async def _exchange(
    session: AsyncSession,
    event: WatermarkApplied,
    medium: Row[Any],
    claimed: Collection[Store],
    *,
    settings: PlatformSettings,
    now: datetime,
) -> None:
    """Point the variants to their new objects; copies of the old ones that are under way do not count."""
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
    await session.execute(
        update(MEDIA).where(MEDIA.c.id == medium.id).values(given_up_at=now, updated_at=now)
    )
    await emit_later(session, _removal(event, replaced, ("local", "s3"), settings), seconds=GRACE_SECONDS)
    unclaimed = tuple(store for store in event.stored_in if store not in claimed)
    if unclaimed:
        keys = [variant.object.key for variant in event.variants]
        await emit(session, _removal(event, keys, unclaimed, settings))


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
    await emit(session, order_of(again, parent.id, medium, wanted, watermark=watermark, settings=settings))


async def _pending_item(session: AsyncSession, job_id: UUID) -> Row[Any] | None:
    found = await session.execute(
        select(WATERMARK_ITEMS)
        .where(WATERMARK_ITEMS.c.id == job_id, WATERMARK_ITEMS.c.status == SyncItemStatus.PENDING)
        .with_for_update()
    )
    return found.one_or_none()


async def _parent(session: AsyncSession, item: Row[Any]) -> Row[Any]:
    return (await session.execute(select(WATERMARK_JOBS).where(WATERMARK_JOBS.c.id == item.parent_id))).one()


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
    await settle(session, item.parent_id, now=now)
