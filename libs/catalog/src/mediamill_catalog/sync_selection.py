"""Which media a request for a transfer is about, with the counts that its batches are cut by."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import MEDIA, VARIANTS
from mediamill_catalog.listing import MediaFilter, conditions
from mediamill_catalog.tables import MediaStatus
from mediamill_contracts.sync import SyncOperation

_AT_ONCE = 500
"""Media read at a time: what a filter fits may be all there is, and more than memory holds."""


@dataclass(frozen=True)
class PlannedItem:
    """A medium, and the number and bytes of its objects; at least one, also where nothing is there."""

    media_id: UUID
    files: int
    size_bytes: int


async def select_items(
    session: AsyncSession, operation: SyncOperation, media_ids: Sequence[UUID], wanted: MediaFilter | None
) -> AsyncIterator[PlannedItem]:
    """Yield what was named by its id, known or not, or else what fits the filter.

    A filter that names no status means READY media, unless they are to be deleted for good.
    """
    if media_ids:
        named = list(dict.fromkeys(media_ids))
        for start in range(0, len(named), _AT_ONCE):
            chunk = named[start : start + _AT_ONCE]
            known = {item.media_id: item for item in await _items(session, MEDIA.c.id.in_(chunk))}
            for media_id in chunk:
                yield known.get(media_id) or PlannedItem(media_id, 1, 0)
    elif wanted is not None:
        if wanted.status is None and operation != "hard_delete":
            wanted = replace(wanted, status=MediaStatus.READY)
        page = await _items(session, *conditions(wanted))
        while page:
            for item in page:
                yield item
            page = await _items(session, *conditions(wanted), MEDIA.c.id > page[-1].media_id)


async def into_batches(
    items: AsyncIterator[PlannedItem], batch_files: int
) -> AsyncIterator[list[PlannedItem]]:
    """Fill batches in order, up to `batch_files` each; one medium is never split."""
    batch: list[PlannedItem] = []
    room = batch_files
    async for item in items:
        if batch and item.files > room:
            yield batch
            batch, room = [], batch_files
        batch.append(item)
        room -= item.files
    if batch:
        yield batch


async def _items(session: AsyncSession, *where: ColumnElement[bool]) -> list[PlannedItem]:
    """Return the first of the media that fulfil the conditions, in the order of their ids."""
    own = VARIANTS.c.media_id == MEDIA.c.id
    variants = select(func.count()).where(own).scalar_subquery()
    size_bytes = select(func.coalesce(func.sum(VARIANTS.c.size_bytes), 0)).where(own).scalar_subquery()
    found = await session.execute(
        select(MEDIA.c.id, variants.label("variants"), (MEDIA.c.size_bytes + size_bytes).label("size_bytes"))
        .where(*where)
        .order_by(MEDIA.c.id)
        .limit(_AT_ONCE)
    )
    return [PlannedItem(row.id, 1 + row.variants, int(row.size_bytes)) for row in found]
