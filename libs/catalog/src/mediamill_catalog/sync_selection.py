"""Which media a request for a transfer is about, with the counts that its batches are cut by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import MEDIA, VARIANTS
from mediamill_catalog.listing import MediaFilter, conditions
from mediamill_catalog.tables import MediaStatus
from mediamill_contracts.sync import SyncOperation

_IDS_AT_ONCE = 500


@dataclass(frozen=True)
class PlannedItem:
    """A medium, and the number and bytes of its objects; at least one, also where nothing is there."""

    media_id: UUID
    files: int
    size_bytes: int


async def select_items(
    session: AsyncSession, operation: SyncOperation, media_ids: Sequence[UUID], wanted: MediaFilter | None
) -> list[PlannedItem]:
    """Return what was named by its id, known or not, or else what fits the filter.

    A filter that names no status means READY media, unless they are to be deleted for good.
    """
    if media_ids:
        named = list(dict.fromkeys(media_ids))
        known: dict[UUID, PlannedItem] = {}
        for start in range(0, len(named), _IDS_AT_ONCE):
            chunk = named[start : start + _IDS_AT_ONCE]
            known |= {item.media_id: item for item in await _items(session, MEDIA.c.id.in_(chunk))}
        return [known.get(media_id) or PlannedItem(media_id, 1, 0) for media_id in named]
    if wanted is None:
        return []
    if wanted.status is None and operation != "hard_delete":
        wanted = replace(wanted, status=MediaStatus.READY)
    return await _items(session, *conditions(wanted), MEDIA.c.purge_requested_at.is_(None))


def into_batches(items: Iterable[PlannedItem], batch_files: int) -> list[list[PlannedItem]]:
    """Fill batches in order, up to `batch_files` each; one medium is never split."""
    batches: list[list[PlannedItem]] = []
    room = 0
    for item in items:
        if item.files > room or not batches:
            batches.append([])
            room = batch_files
        batches[-1].append(item)
        room -= item.files
    return batches


async def _items(session: AsyncSession, *where: ColumnElement[bool]) -> list[PlannedItem]:
    own = VARIANTS.c.media_id == MEDIA.c.id
    variants = select(func.count()).where(own).scalar_subquery()
    size_bytes = select(func.coalesce(func.sum(VARIANTS.c.size_bytes), 0)).where(own).scalar_subquery()
    found = await session.execute(
        select(MEDIA.c.id, variants.label("variants"), (MEDIA.c.size_bytes + size_bytes).label("size_bytes"))
        .where(*where)
        .order_by(MEDIA.c.id)
    )
    return [PlannedItem(row.id, 1 + row.variants, int(row.size_bytes)) for row in found]
