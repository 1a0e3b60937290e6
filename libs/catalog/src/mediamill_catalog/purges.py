"""Hard deletion: a medium's objects go first, then its row; what was asked for is never taken back.

The request hides the medium at once. While a worker may still write objects of it, the removal waits until
that work has ended, so that nothing is left behind.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import audit, timeline
from mediamill_catalog.audit import Act
from mediamill_catalog.core import MEDIA
from mediamill_catalog.media import variants_of
from mediamill_catalog.placement import stores_of
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.stored_media import load_stored_media
from mediamill_catalog.tables import MediaStatus, StorageStatus
from mediamill_catalog.timeline import Happening
from mediamill_contracts.recipe import Store
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import MediaPurged, RequestPurge
from mediamill_messaging.envelope import seal
from mediamill_outbox.emit import enqueue_all
from mediamill_storage import keys

_SYSTEM = "system"
_IN_WORK = (MediaStatus.CONFIRMED, MediaStatus.PROCESSING)
"""States in which a job is open, whose end is going to be recorded."""


async def request_purge(
    session: AsyncSession,
    media_ids: Collection[UUID],
    *,
    actor: str,
    settings: PlatformSettings,
    now: datetime,
    deleted_before: datetime | None = None,
) -> list[Row[Any]]:
    """Ask for the removal of media for good and hide them; return the rows that this call asked it for.

    `deleted_before` leaves out what was not deleted before then, or was restored meanwhile: rows are judged
    while they are locked. Removals begin now; where a job is open, `emit_due_purges` begins them at its end.
    """
    wanted = select(MEDIA).where(MEDIA.c.id.in_(set(media_ids)), MEDIA.c.purge_requested_at.is_(None))
    if deleted_before is not None:
        wanted = wanted.where(MEDIA.c.deleted_at < deleted_before)
    rows = (await session.execute(wanted.order_by(MEDIA.c.id).with_for_update(key_share=True))).all()
    if not rows:
        return []
    await session.execute(
        update(MEDIA)
        .where(MEDIA.c.id.in_([row.id for row in rows]))
        .values(
            purge_requested_at=now,
            updated_at=now,
            deleted_at=func.coalesce(MEDIA.c.deleted_at, now),
            deleted_by=func.coalesce(MEDIA.c.deleted_by, actor),
        )
    )
    await audit.record(
        session, *(Act(actor, audit.PURGE_REQUESTED, now, row.id, {"userId": row.user_id}) for row in rows)
    )
    await timeline.record(
        session, *(Happening(row.id, audit.PURGE_REQUESTED, now, actor=actor) for row in rows)
    )
    await emit_due_purges(session, [row.id for row in rows], settings=settings)
    return list(rows)


async def emit_due_purges(
    session: AsyncSession, media_ids: Collection[UUID], *, settings: PlatformSettings
) -> None:
    """Have the objects removed of those media whose removal was asked for and on which no work is open.

    Call it when work has ended, and again for a removal that was lost.
    """
    found = await session.execute(
        select(MEDIA)
        .where(
            MEDIA.c.id.in_(set(media_ids)),
            MEDIA.c.purge_requested_at.is_not(None),
            MEDIA.c.status.not_in(_IN_WORK),
        )
        .order_by(MEDIA.c.id)
    )
    rows = found.all()
    variants = await variants_of(session, [row.id for row in rows]) if rows else {}
    requests = [
        RequestPurge(
            media_id=row.id,
            user_id=row.user_id,
            keys=_keys_of(row, variants.get(row.id, ()), settings),
            stores=_stores_to_clear(row, settings),
            final=True,
            s3=settings.known_s3_location,
            requested_by=row.deleted_by or _SYSTEM,
        )
        for row in rows
    ]
    await enqueue_all(session, [seal(request) for request in requests])


async def clear_late_copies(
    session: AsyncSession, media_ids: Collection[UUID], store: Store, *, s3: S3Location | None
) -> None:
    """Have copies removed that reached a store which their medium does not claim and never will.

    Of media that were purged only tombstones know them. Of media that are being purged the removal may have
    passed by before the copy was there.
    """
    if not media_ids:
        return
    stones = await audit.tombstones(session, media_ids)
    late = {media_id: (stone.detail["userId"], stone.detail["keys"]) for media_id, stone in stones.items()}
    leaving = select(MEDIA.c.id).where(
        MEDIA.c.id.in_(set(media_ids)), MEDIA.c.purge_requested_at.is_not(None)
    )
    going = (await session.execute(leaving)).scalars().all()
    for media_id, medium in (await load_stored_media(session, going) if going else {}).items():
        if store not in stores_of(medium.row.storage_status):
            late[media_id] = (medium.row.user_id, [each.key for each in medium.objects(store)])
    requests = [
        RequestPurge(
            media_id=media_id,
            user_id=user_id,
            keys=tuple(copies),
            stores=(store,),
            final=False,
            s3=s3,
            requested_by=_SYSTEM,
        )
        for media_id, (user_id, copies) in late.items()
    ]
    await enqueue_all(session, [seal(request) for request in requests])


async def overdue_purges(
    session: AsyncSession, *, before: datetime, limit: int, after: UUID | None = None
) -> list[UUID]:
    """Return a batch of media whose removal was asked for before then and has not ended, after an id.

    What is to be removed is hidden: the index of the trash finds it.
    """
    conditions = [
        MEDIA.c.deleted_at.is_not(None),
        MEDIA.c.purge_requested_at < before,
        MEDIA.c.status.not_in(_IN_WORK),
    ]
    if after is not None:
        conditions.append(MEDIA.c.id > after)
    found = await session.execute(select(MEDIA.c.id).where(*conditions).order_by(MEDIA.c.id).limit(limit))
    return list(found.scalars())


async def finish_purge(session: AsyncSession, event: MediaPurged, *, now: datetime) -> bool:
    """Remove the row, its variants, jobs and timeline, and leave the tombstone; return whether there was one.

    Only a medium whose removal was asked for goes, whatever the event says.
    """
    gone = await session.execute(
        delete(MEDIA)
        .where(MEDIA.c.id == event.media_id, MEDIA.c.purge_requested_at.is_not(None))
        .returning(
            MEDIA.c.user_id,
            MEDIA.c.file_name,
            MEDIA.c.size_bytes,
            MEDIA.c.upload_method,
            MEDIA.c.deleted_by,
        )
    )
    row = gone.one_or_none()
    if row is None:
        return False
    detail = {
        "userId": row.user_id,
        "fileName": row.file_name,
        "sizeBytes": row.size_bytes,
        "uploadMethod": row.upload_method.value,
        "keys": list(event.removed_keys),
    }
    await audit.record(session, Act(row.deleted_by or _SYSTEM, audit.PURGED, now, event.media_id, detail))
    return True


def _stores_to_clear(row: Row[Any], settings: PlatformSettings) -> tuple[Store, ...]:
    """Also stores that the row does not claim: something of an interrupted step may be left there.

    Copies in S3 of a medium that is in local storage too stay when the operator wants it so.
    """
    if row.storage_status == StorageStatus.S3 or (
        settings.s3_delete_with_local
        and (settings.known_s3_location is not None or row.storage_status == StorageStatus.BOTH)
    ):
        return ("local", "s3")
    return ("local",)


def _keys_of(row: Row[Any], variants: Sequence[Row[Any]], settings: PlatformSettings) -> tuple[str, ...]:
    """Return every key under which something of the medium may be, wherever its last step was cut off."""
    found = [row.original_key, *(variant.key for variant in variants)]
    if row.status != MediaStatus.READY:
        found.append(keys.quarantine_key(row.id))
        if row.sha256 is not None and row.media_type in keys.EXTENSIONS:
            prefix = keys.permanent_prefix(row.id, row.sha256, row.created_at)
            found.append(keys.original_key(prefix, row.media_type))
            found += [
                keys.variant_key(prefix, spec.name, f"image/{spec.format}")
                for spec in settings.variants_of(row.entity_type)
            ]
    return tuple(dict.fromkeys(key for key in found if key is not None))
