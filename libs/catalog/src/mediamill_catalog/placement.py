"""Which stores a medium's objects are in, and how that changes.

A store is claimed once all objects are there and given up before they go, so what a row claims can be fetched
at any moment. Each change is a compare-and-set of many media at once.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import MEDIA
from mediamill_catalog.media import variants_of
from mediamill_catalog.tables import StorageStatus
from mediamill_contracts.recipe import STRATEGY_STORES, ObjectRef, StorageStrategy, Store

_STORES: dict[StorageStatus, tuple[Store, ...]] = {
    StorageStatus.LOCAL: ("local",),
    StorageStatus.S3: ("s3",),
    StorageStatus.BOTH: ("local", "s3"),
}
_CLAIM: tuple[ColumnElement[Any], ...] = (MEDIA.c.id, MEDIA.c.storage_status)
_STATUS = {frozenset(stores): status for status, stores in _STORES.items()}
_ALONE: dict[Store, StorageStatus] = {"local": StorageStatus.LOCAL, "s3": StorageStatus.S3}


def stores_of(status: StorageStatus) -> tuple[Store, ...]:
    """Return the stores that a row with this status claims."""
    return _STORES[status]


def status_of(stores: Iterable[Store]) -> StorageStatus:
    """Return the status of a row that claims these stores, at least one."""
    return _STATUS[frozenset(stores)]


def wanted_stores(strategy: StorageStrategy, *, with_s3: bool, auto_sync: bool) -> tuple[Store, ...]:
    """Return where media of this strategy belong in the end.

    `with_s3`: S3 can be used at all. `auto_sync`: `local_first` media are copied to S3 after processing.
    """
    if not with_s3:
        return ("local",)
    if strategy == "local_first":
        return ("local", "s3") if auto_sync else ("local",)
    return STRATEGY_STORES[strategy]


async def widen_storage(
    session: AsyncSession, media_ids: Collection[UUID], store: Store, *, now: datetime
) -> set[UUID]:
    """Claim `store` too, for media whose objects are all there now; return those that claim it in the end.

    Media that are gone or about to be purged are not among them: what was copied for those belongs to nobody.
    """
    other: Store = "s3" if store == "local" else "local"
    rows = await _lock(session, media_ids, MEDIA.c.purge_requested_at.is_(None))
    fresh = [row.id for row in rows if row.storage_status == _ALONE[other]]
    await _set(session, fresh, StorageStatus.BOTH, now)
    return {row.id for row in rows}


async def narrow_storage(
    session: AsyncSession, media_ids: Collection[UUID], store: Store, *, now: datetime
) -> set[UUID]:
    """Give `store` up, for media that claim another one too; return those that did so now.

    Their objects in `store` can go as soon as the transaction has committed.
    """
    other: Store = "s3" if store == "local" else "local"
    rows = await _lock(
        session,
        media_ids,
        MEDIA.c.storage_status == StorageStatus.BOTH,
        MEDIA.c.purge_requested_at.is_(None),
    )
    narrowed = [row.id for row in rows]
    await _set(session, narrowed, _ALONE[other], now)
    return set(narrowed)


async def objects_of(session: AsyncSession, media_ids: Collection[UUID]) -> dict[UUID, list[ObjectRef]]:
    """Return original and variants of each medium that has a hashed original; `store` is one it claims."""
    wanted = list(set(media_ids))
    found = await session.execute(
        select(
            MEDIA.c.id,
            MEDIA.c.original_key.label("key"),
            MEDIA.c.size_bytes,
            MEDIA.c.sha256,
            MEDIA.c.media_type,
            MEDIA.c.storage_status,
        ).where(MEDIA.c.id.in_(wanted), MEDIA.c.original_key.is_not(None), MEDIA.c.sha256.is_not(None))
    )
    variants = await variants_of(session, wanted)
    return {
        row.id: [_ref(each, stores_of(row.storage_status)[0]) for each in (row, *variants.get(row.id, ()))]
        for row in found
    }


def _ref(row: Row[Any], store: Store) -> ObjectRef:
    return ObjectRef(
        store=store, key=row.key, size_bytes=row.size_bytes, sha256=row.sha256, media_type=row.media_type
    )


async def _lock(
    session: AsyncSession, media_ids: Collection[UUID], *conditions: ColumnElement[bool]
) -> Sequence[Row[Any]]:
    """Lock rows in the order of their ids, so that two batches never wait for each other."""
    found = await session.execute(
        select(*_CLAIM)
        .where(MEDIA.c.id.in_(set(media_ids)), *conditions)
        .order_by(MEDIA.c.id)
        .with_for_update(key_share=True)
    )
    return found.all()


async def _set(session: AsyncSession, media_ids: list[UUID], status: StorageStatus, now: datetime) -> None:
    if media_ids:
        await session.execute(
            update(MEDIA).where(MEDIA.c.id.in_(media_ids)).values(storage_status=status, updated_at=now)
        )
