"""Decides for each medium of a batch whether the operation is possible now, and writes what must precede it.

A removal is preceded by giving up the claim, a deletion for good by the mark that hides the medium.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import media, storage_claims
from mediamill_catalog.core import AUDIT, MEDIA, SYNC_ITEMS
from mediamill_catalog.stored_media import StoredMedium, load_stored_media
from mediamill_catalog.sync_operations import COPIED_FROM, REMOVED_FROM
from mediamill_catalog.tables import MediaStatus, SyncItemStatus
from mediamill_contracts.recipe import Store

REFUSALS = {
    "not_found": "There is no such medium.",
    "not_ready": "The medium has no finished objects.",
    "being_deleted": "The medium is about to be deleted for good.",
    "removal_pending": "Its objects are being removed from there at present.",
    "last_copy": "The objects are nowhere else.",
    "still_processing": "The medium is being processed.",
}
"""Why an operation is not tried, by code."""


async def admit_media(session: AsyncSession, batch: Row[Any], *, now: datetime) -> list[StoredMedium]:
    """Return the pending media that the batch's operation is possible for; the others become failed items."""
    pending = await session.execute(
        select(SYNC_ITEMS.c.media_id).where(
            SYNC_ITEMS.c.job_id == batch.id, SYNC_ITEMS.c.status == SyncItemStatus.PENDING
        )
    )
    media_ids = sorted(pending.scalars())
    stored = await load_stored_media(session, media_ids)
    if batch.operation == "hard_delete":
        refused = {media_id: _not_deletable(stored.get(media_id)) for media_id in media_ids}
        await _mark_for_purge(session, batch, [each for each, code in refused.items() if not code], now)
    elif batch.operation in COPIED_FROM:
        target = storage_claims.other_store(COPIED_FROM[batch.operation])
        refused = {media_id: _not_copyable(stored.get(media_id), target) for media_id in media_ids}
    else:
        store = REMOVED_FROM[batch.operation]
        refused = {media_id: _not_usable(stored.get(media_id)) for media_id in media_ids}
        usable = [media_id for media_id, code in refused.items() if not code]
        given_up = await storage_claims.give_up(session, usable, store, now=now)
        refused |= {media_id: "last_copy" for media_id in usable if media_id not in given_up}
    await _refuse(session, batch.id, {each: code for each, code in refused.items() if code}, now)
    return [stored[media_id] for media_id in media_ids if not refused[media_id]]


def _not_usable(medium: StoredMedium | None) -> str | None:
    if medium is None:
        return "not_found"
    if medium.row.purge_requested_at is not None:
        return "being_deleted"
    if medium.row.status is not MediaStatus.READY or not medium.objects("local"):
        return "not_ready"
    return None


def _not_copyable(medium: StoredMedium | None, target: Store) -> str | None:
    code = _not_usable(medium)
    if code is None and medium is not None and medium.row.removing == target:
        return "removal_pending"
    return code


def _not_deletable(medium: StoredMedium | None) -> str | None:
    if medium is None:
        return "not_found"
    if medium.row.status in media.OPEN:
        return "still_processing"
    return None if medium.objects("local") else "not_ready"


async def _refuse(session: AsyncSession, job_id: UUID, codes: Mapping[UUID, str], now: datetime) -> None:
    for code in sorted(set(codes.values())):
        refused = [media_id for media_id, why in codes.items() if why == code]
        await session.execute(
            update(SYNC_ITEMS)
            .where(SYNC_ITEMS.c.job_id == job_id, SYNC_ITEMS.c.media_id.in_(refused))
            .values(
                status=SyncItemStatus.FAILED, code=code, detail=REFUSALS[code], objects=[], updated_at=now
            )
        )


async def _mark_for_purge(
    session: AsyncSession, batch: Row[Any], media_ids: Sequence[UUID], now: datetime
) -> None:
    """Hide media for good, and write down who asked for it; they are locked in the order of their ids."""
    if not media_ids:
        return
    await session.execute(
        select(MEDIA.c.id)
        .where(MEDIA.c.id.in_(media_ids))
        .order_by(MEDIA.c.id)
        .with_for_update(key_share=True)
    )
    marked = await session.execute(
        update(MEDIA)
        .where(MEDIA.c.id.in_(media_ids), MEDIA.c.purge_requested_at.is_(None))
        .values(
            purge_requested_at=now,
            deleted_at=func.coalesce(MEDIA.c.deleted_at, now),
            deleted_by=func.coalesce(MEDIA.c.deleted_by, batch.requested_by),
            updated_at=now,
        )
        .returning(MEDIA.c.id, MEDIA.c.user_id, MEDIA.c.file_name)
    )
    rows = [
        {
            "at": now,
            "actor": batch.requested_by,
            "action": "media.purge_requested",
            "media_id": row.id,
            "detail": {"userId": row.user_id, "fileName": row.file_name, "syncJobId": str(batch.id)},
        }
        for row in marked
    ]
    if rows:
        await session.execute(insert(AUDIT).inline(), rows)
