"""State changes of media, each a compare-and-set: no final state is ever left.

A change of one medium names the states it may leave and tells whether it did. A change of many takes what
`lock_open` returned in the same transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Update, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import MEDIA, VARIANTS, among, insert_new
from mediamill_catalog.tables import MediaStatus, StorageStatus
from mediamill_contracts.media import MediaAccepted, MediaProcessed
from mediamill_contracts.recipe import ProducedVariant

OPEN = (MediaStatus.PENDING, MediaStatus.UPLOADED, MediaStatus.CONFIRMED, MediaStatus.PROCESSING)
"""States that work may still leave; the others are final."""

_OUTCOME: tuple[ColumnElement[Any], ...] = (
    MEDIA.c.id,
    MEDIA.c.user_id,
    MEDIA.c.entity_type,
    MEDIA.c.entity_id,
    MEDIA.c.original_key,
    MEDIA.c.storage_strategy,
    MEDIA.c.purge_requested_at,
)
"""What the announcement of an outcome, and what follows from it, need of the row."""


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


_ADD = insert(MEDIA).inline()
_ADD_VARIANTS = insert(VARIANTS).inline()


async def add(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows made by `new_media`."""
    await session.execute(_ADD, rows)


async def add_unknown(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> dict[UUID, Row[Any]]:
    """Insert those rows made by `new_media` whose ids are free; return them as they are now."""
    return {row.id: row for row in await insert_new(session, MEDIA, rows)}


async def find(session: AsyncSession, media_id: UUID, *, lock: bool = False) -> Row[Any] | None:
    """Return the row, or None; `lock` keeps it as it is until the transaction ends."""
    statement = select(MEDIA).where(MEDIA.c.id == media_id)
    return (
        await session.execute(statement.with_for_update(key_share=True) if lock else statement)
    ).one_or_none()


@cache
def _find_many(dialect: str) -> Select[Any]:
    return select(MEDIA).where(among(MEDIA.c.id, "wanted", dialect))


async def find_many(session: AsyncSession, media_ids: Iterable[UUID]) -> dict[UUID, Row[Any]]:
    """Return the rows of those that exist."""
    statement = _find_many(session.get_bind().dialect.name)
    found = await session.execute(statement, {"wanted": list(set(media_ids))})
    return {row.id: row for row in found.all()}


@cache
def _lock_open(dialect: str) -> Select[Any]:
    return (
        select(*_OUTCOME)
        .where(among(MEDIA.c.id, "wanted", dialect), or_(*(MEDIA.c.status == state for state in OPEN)))
        .order_by(MEDIA.c.id)
        .with_for_update(key_share=True)
    )


async def lock_open(session: AsyncSession, media_ids: Iterable[UUID]) -> dict[UUID, Row[Any]]:
    """Return those that are in an open state, and keep them in it until the transaction ends.

    Rows are locked in the order of their ids, so that two batches never wait for each other.
    """
    statement = _lock_open(session.get_bind().dialect.name)
    found = await session.execute(statement, {"wanted": list(media_ids)})
    return {row.id: row for row in found.all()}


_ADMIT = (
    update(MEDIA)
    .where(MEDIA.c.id == bindparam("admitted_id"))
    .values(
        original_key=bindparam("admitted_key"),
        storage_strategy=bindparam("admitted_strategy"),
        updated_at=bindparam("admitted_at"),
    )
)


async def admit(session: AsyncSession, orders: Sequence[MediaAccepted], *, now: datetime) -> None:
    """Write, for media that `lock_open` returned, where their originals are now, and their strategies."""
    await session.execute(
        _ADMIT,
        [
            {
                "admitted_id": order.media_id,
                "admitted_key": order.source.key,
                "admitted_strategy": order.recipe.strategy,
                "admitted_at": now,
            }
            for order in orders
        ],
    )


async def forget_original(session: AsyncSession, media_id: UUID, *, now: datetime) -> None:
    """Write down that the original's bytes are gone."""
    await session.execute(
        update(MEDIA).where(MEDIA.c.id == media_id).values(original_key=None, updated_at=now)
    )


_READY = (
    update(MEDIA)
    .where(MEDIA.c.id == bindparam("ready_id"))
    .values(
        status=MediaStatus.READY,
        storage_status=bindparam("ready_stores"),
        original_key=bindparam("ready_key"),
        width=bindparam("ready_width"),
        height=bindparam("ready_height"),
        frames=bindparam("ready_frames"),
        has_alpha=bindparam("ready_alpha"),
        thumbhash=bindparam("ready_thumbhash"),
        dominant_color=bindparam("ready_color"),
        duration_ms=bindparam("ready_duration"),
        has_audio=bindparam("ready_audio"),
        updated_at=bindparam("ready_now"),
        ready_at=bindparam("ready_now"),
    )
)


async def mark_ready(
    session: AsyncSession,
    results: Sequence[MediaProcessed],
    claims: Mapping[UUID, StorageStatus],
    *,
    now: datetime,
) -> None:
    """Move media that `lock_open` returned to READY, with their variants and what decoding told.

    `claims` says for each where all of its objects are.
    """
    await session.execute(
        _READY,
        [
            {
                "ready_id": result.media_id,
                "ready_stores": claims[result.media_id],
                "ready_key": result.source.key,
                "ready_width": result.facts.width,
                "ready_height": result.facts.height,
                "ready_frames": result.facts.frames,
                "ready_alpha": result.facts.has_alpha,
                "ready_thumbhash": result.facts.thumbhash,
                "ready_color": result.facts.dominant_color,
                "ready_duration": None if result.video is None else result.video.duration_ms,
                "ready_audio": None if result.video is None else result.video.audio_codec is not None,
                "ready_now": now,
            }
            for result in results
        ],
    )
    variants = [_variant(result.media_id, variant) for result in results for variant in result.variants]
    if variants:
        await session.execute(_ADD_VARIANTS, variants)


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
    """Move back to CONFIRMED, for a replay; return whether it stays and was FAILED for this reason."""
    changed = await session.execute(
        update(MEDIA)
        .where(
            MEDIA.c.id == media_id,
            MEDIA.c.status == MediaStatus.FAILED,
            MEDIA.c.failure_code == code,
            MEDIA.c.purge_requested_at.is_(None),
        )
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


async def unhide(
    session: AsyncSession, media_id: UUID, *, now: datetime, deleted_after: datetime | None = None
) -> bool:
    """Take the deletion mark away; return whether there was one, young enough, and the medium is to stay."""
    young = MEDIA.c.deleted_at.is_not(None) if deleted_after is None else MEDIA.c.deleted_at > deleted_after
    return await _returned(
        session,
        update(MEDIA)
        .where(
            MEDIA.c.id == media_id,
            young,
            MEDIA.c.purge_requested_at.is_(None),
        )
        .values(deleted_at=None, deleted_by=None, updated_at=now)
        .returning(MEDIA.c.id),
    )


async def holds_original(session: AsyncSession, key: str) -> bool:
    """Return whether some medium's original is under this key."""
    return bool(await keys_in_use(session, [key]))


async def keys_in_use(session: AsyncSession, keys: list[str]) -> set[str]:
    """Return those of the keys that are some medium's original."""
    found = await session.execute(select(MEDIA.c.original_key).where(MEDIA.c.original_key.in_(keys)))
    return set(found.scalars())


async def variants_of(session: AsyncSession, media_ids: list[UUID]) -> dict[UUID, list[Row[Any]]]:
    """Return the variants of each medium, largest first; media without any are left out."""
    found = await session.execute(
        select(VARIANTS).where(VARIANTS.c.media_id.in_(media_ids)).order_by(VARIANTS.c.width.desc())
    )
    variants: dict[UUID, list[Row[Any]]] = {}
    for row in found:
        variants.setdefault(row.media_id, []).append(row)
    return variants


def _variant(media_id: UUID, variant: ProducedVariant) -> dict[str, Any]:
    return {
        "media_id": media_id,
        "name": variant.name,
        "key": variant.object.key,
        "media_type": variant.object.media_type,
        "width": variant.width,
        "height": variant.height,
        "frames": variant.frames,
        "size_bytes": variant.object.size_bytes,
        "sha256": variant.object.sha256,
        "watermarked": variant.watermarked,
    }


async def _returned(session: AsyncSession, statement: Update) -> bool:
    return (await session.execute(statement)).first() is not None
