"""State changes of media, each a compare-and-set: it names the states it may leave, and tells if it did."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Update, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import MEDIA, VARIANTS, insert_unless_there
from mediamill_catalog.tables import MediaStatus, StorageStatus
from mediamill_contracts.recipe import PictureFacts, ProducedVariant

OPEN = (MediaStatus.PENDING, MediaStatus.UPLOADED, MediaStatus.CONFIRMED, MediaStatus.PROCESSING)
"""States that work may still leave; the others are final."""

_OUTCOME = (MEDIA.c.user_id, MEDIA.c.entity_type, MEDIA.c.entity_id)
"""What the announcement of an outcome needs of the row."""


def new_media(
    *,
    media_id: UUID,
    user_id: str,
    kind: str,
    lane: str,
    file_name: str,
    media_type: str,
    size_bytes: int,
    sha256: str | None,
    original_key: str,
    entity_type: str,
    entity_id: str | None,
    alt: str | None,
    title: str | None,
    now: datetime,
) -> dict[str, Any]:
    """Return the row of an upload whose bytes are staged; `sha256` only when this service computed it."""
    return {
        "id": media_id,
        "user_id": user_id,
        "status": MediaStatus.CONFIRMED,
        "storage_status": StorageStatus.LOCAL,
        "kind": kind,
        "lane": lane,
        "entity_type": entity_type,
        "entity_id": entity_id,
        "file_name": file_name,
        "alt": alt,
        "title": title,
        "media_type": media_type,
        "size_bytes": size_bytes,
        "sha256": sha256,
        "original_key": original_key,
        "created_at": now,
        "updated_at": now,
    }


async def add(session: AsyncSession, row: dict[str, Any]) -> None:
    """Insert a row made by `new_media`."""
    await session.execute(insert(MEDIA).inline(), row)


async def add_unless_there(session: AsyncSession, row: dict[str, Any]) -> bool:
    """Insert a row made by `new_media` unless the id is taken; return whether it was inserted."""
    return await insert_unless_there(session, MEDIA, row)


async def find(session: AsyncSession, media_id: UUID, *, lock: bool = False) -> Row[Any] | None:
    """Return the row, or None; `lock` keeps it as it is until the transaction ends."""
    statement = select(MEDIA).where(MEDIA.c.id == media_id)
    return (await session.execute(statement.with_for_update() if lock else statement)).one_or_none()


async def note_examination(
    session: AsyncSession,
    media_id: UUID,
    *,
    kind: str,
    media_type: str,
    size_bytes: int,
    sha256: str,
    now: datetime,
) -> None:
    """Write what the bytes of an open medium were found to be, unless that is known already."""
    await session.execute(
        update(MEDIA)
        .where(MEDIA.c.id == media_id, MEDIA.c.status.in_(OPEN), MEDIA.c.sha256.is_(None))
        .values(kind=kind, media_type=media_type, size_bytes=size_bytes, sha256=sha256, updated_at=now)
    )


async def admit(
    session: AsyncSession, media_id: UUID, *, staged_key: str, original_key: str, now: datetime
) -> bool:
    """Change the original's key; return whether the medium was open and still had the staged one."""
    changed = await session.execute(
        update(MEDIA)
        .where(MEDIA.c.id == media_id, MEDIA.c.status.in_(OPEN), MEDIA.c.original_key == staged_key)
        .values(original_key=original_key, updated_at=now)
        .returning(MEDIA.c.id)
    )
    return changed.first() is not None


async def forget_original(session: AsyncSession, media_id: UUID, *, now: datetime) -> None:
    """Write down that the original's bytes are gone."""
    await session.execute(
        update(MEDIA).where(MEDIA.c.id == media_id).values(original_key=None, updated_at=now)
    )


async def mark_ready(
    session: AsyncSession, media_id: UUID, facts: PictureFacts, *, original_key: str, now: datetime
) -> Row[Any] | None:
    """Move to READY with what decoding told; return the row, or None when the medium was not open."""
    changed = await session.execute(
        update(MEDIA)
        .where(MEDIA.c.id == media_id, MEDIA.c.status.in_(OPEN))
        .values(
            status=MediaStatus.READY,
            original_key=original_key,
            width=facts.width,
            height=facts.height,
            frames=facts.frames,
            has_alpha=facts.has_alpha,
            thumbhash=facts.thumbhash,
            dominant_color=facts.dominant_color,
            updated_at=now,
            ready_at=now,
        )
        .returning(*_OUTCOME)
    )
    return changed.one_or_none()


async def mark_failed(
    session: AsyncSession,
    media_id: UUID,
    *,
    code: str,
    detail: str,
    now: datetime,
    quarantine_key: str | None = None,
) -> Row[Any] | None:
    """Move to FAILED with a reason; return the row, or None when the medium was not open."""
    moved = {} if quarantine_key is None else {"original_key": quarantine_key}
    changed = await session.execute(
        update(MEDIA)
        .where(MEDIA.c.id == media_id, MEDIA.c.status.in_(OPEN))
        .values(status=MediaStatus.FAILED, failure_code=code, failure_detail=detail, updated_at=now, **moved)
        .returning(*_OUTCOME)
    )
    return changed.one_or_none()


async def reopen(session: AsyncSession, media_id: UUID, *, code: str, now: datetime) -> bool:
    """Move back to CONFIRMED, for a replay; return whether the medium was FAILED for this reason."""
    changed = await session.execute(
        update(MEDIA)
        .where(MEDIA.c.id == media_id, MEDIA.c.status == MediaStatus.FAILED, MEDIA.c.failure_code == code)
        .values(status=MediaStatus.CONFIRMED, failure_code=None, failure_detail=None, updated_at=now)
        .returning(MEDIA.c.id)
    )
    return changed.first() is not None


_START = (
    update(MEDIA)
    .where(MEDIA.c.id == bindparam("started_id"), MEDIA.c.status == MediaStatus.CONFIRMED)
    .values(status=MediaStatus.PROCESSING, updated_at=bindparam("started_at"))
)


async def start_processing(session: AsyncSession, media_ids: list[UUID], *, now: datetime) -> None:
    """Move those that wait from CONFIRMED to PROCESSING; give the ids in one order everywhere."""
    if media_ids:
        await session.execute(_START, [{"started_id": media_id, "started_at": now} for media_id in media_ids])


async def hide(session: AsyncSession, media_id: UUID, *, actor: str, now: datetime) -> bool:
    """Mark as deleted, whatever the status; return whether it was visible."""
    return await _returned(
        session,
        update(MEDIA)
        .where(MEDIA.c.id == media_id, MEDIA.c.deleted_at.is_(None))
        .values(deleted_at=now, deleted_by=actor, updated_at=now)
        .returning(MEDIA.c.id),
    )


async def unhide(session: AsyncSession, media_id: UUID, *, now: datetime) -> bool:
    """Take the deletion mark away; return whether there was one."""
    return await _returned(
        session,
        update(MEDIA)
        .where(MEDIA.c.id == media_id, MEDIA.c.deleted_at.is_not(None))
        .values(deleted_at=None, deleted_by=None, updated_at=now)
        .returning(MEDIA.c.id),
    )


async def set_variants(session: AsyncSession, media_id: UUID, variants: tuple[ProducedVariant, ...]) -> None:
    """Write the variants of a medium that has none."""
    await session.execute(
        insert(VARIANTS),
        [
            {
                "media_id": media_id,
                "name": variant.name,
                "store": variant.object.store,
                "key": variant.object.key,
                "media_type": variant.object.media_type,
                "width": variant.width,
                "height": variant.height,
                "frames": variant.frames,
                "size_bytes": variant.object.size_bytes,
                "sha256": variant.object.sha256,
            }
            for variant in variants
        ],
    )


async def holds_original(session: AsyncSession, key: str) -> bool:
    """Return whether some medium's original is under this key."""
    return (await session.execute(select(MEDIA.c.id).where(MEDIA.c.original_key == key))).first() is not None


async def variants_of(session: AsyncSession, media_ids: list[UUID]) -> dict[UUID, list[Row[Any]]]:
    """Return the variants of each medium, largest first; media without any are left out."""
    found = await session.execute(
        select(VARIANTS).where(VARIANTS.c.media_id.in_(media_ids)).order_by(VARIANTS.c.width.desc())
    )
    variants: dict[UUID, list[Row[Any]]] = {}
    for row in found:
        variants.setdefault(row.media_id, []).append(row)
    return variants


async def _returned(session: AsyncSession, statement: Update) -> bool:
    return (await session.execute(statement)).first() is not None


async def keys_in_use(session: AsyncSession, keys: list[str]) -> set[str]:
    """Return those of the keys that are some medium's original."""
    found = await session.execute(select(MEDIA.c.original_key).where(MEDIA.c.original_key.in_(keys)))
    return set(found.scalars())
