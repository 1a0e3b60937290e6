"""Which stores a medium claims: a store is claimed once all bytes are there, and given up before they go.

`storage_status` is what the rest of the system believes. While a removal is under way, and for copies that
were asked for before it began, a claim on that store is refused: the copy may be gone a moment later.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import MEDIA
from mediamill_catalog.placement import stores_of
from mediamill_catalog.tables import MediaStatus, StorageStatus
from mediamill_contracts.recipe import Store

_ALONE: dict[Store, StorageStatus] = {"local": StorageStatus.LOCAL, "s3": StorageStatus.S3}


def other_store(store: Store) -> Store:
    """Return the one of the two stores that `store` is not."""
    return "s3" if store == "local" else "local"


async def claim(
    session: AsyncSession, media_ids: Collection[UUID], store: Store, *, asked_at: datetime, now: datetime
) -> set[UUID]:
    """Claim a store for READY media whose copies, asked for at `asked_at`, are verified; return those.

    Left out is what is to be purged, what is being removed from that store, and what has given one up or got
    other keys since `asked_at`.
    """
    entitled = [
        row
        for row in await _lock(session, media_ids)
        if row.status is MediaStatus.READY
        and row.purge_requested_at is None
        and row.removing != store
        and all(moment is None or moment < asked_at for moment in (row.given_up_at, row.rekeyed_at))
    ]
    widened = [row.id for row in entitled if store not in stores_of(row.storage_status)]
    await _write(session, widened, storage_status=StorageStatus.BOTH, updated_at=now)
    return {row.id for row in entitled}


async def give_up(
    session: AsyncSession, media_ids: Collection[UUID], store: Store, *, now: datetime
) -> set[UUID]:
    """Give up a store before its bytes are removed; return those that do not claim it now.

    Left out is what claims no other store. Until `removal_ended` the store is not claimed again.
    """
    alone = _ALONE[store]
    leaving = [row.id for row in await _lock(session, media_ids) if row.storage_status is not alone]
    await _write(
        session,
        leaving,
        storage_status=_ALONE[other_store(store)],
        removing=store,
        given_up_at=now,
        updated_at=now,
    )
    return set(leaving)


async def removal_ended(
    session: AsyncSession, media_ids: Collection[UUID], store: Store, *, now: datetime
) -> None:
    """Note that nothing is being removed from the store any more, whether all of it is gone or not."""
    ended = [row.id for row in await _lock(session, media_ids) if row.removing == store]
    await _write(session, ended, removing=None, updated_at=now)


async def put_back(
    session: AsyncSession, media_ids: Collection[UUID], store: Store, *, now: datetime
) -> None:
    """Claim only `store` again: nothing was removed from it, since the other one misses objects."""
    kept = [row.id for row in await _lock(session, media_ids) if row.removing == store]
    await _write(session, kept, storage_status=_ALONE[store], removing=None, updated_at=now)


async def _lock(session: AsyncSession, media_ids: Collection[UUID]) -> list[Any]:
    """Return the rows in the order of their ids, in which everybody locks them."""
    found = await session.execute(
        select(
            MEDIA.c.id,
            MEDIA.c.status,
            MEDIA.c.storage_status,
            MEDIA.c.removing,
            MEDIA.c.given_up_at,
            MEDIA.c.rekeyed_at,
            MEDIA.c.purge_requested_at,
        )
        .where(MEDIA.c.id.in_(media_ids))
        .order_by(MEDIA.c.id)
        .with_for_update(key_share=True)
    )
    return list(found)


async def _write(session: AsyncSession, media_ids: Collection[UUID], **values: Any) -> None:
    if media_ids:
        await session.execute(update(MEDIA).where(MEDIA.c.id.in_(media_ids)).values(**values))
