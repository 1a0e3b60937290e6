"""Media with all their objects: what is copied, removed and counted together."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import media
from mediamill_contracts.recipe import ObjectRef, Store


@dataclass(frozen=True)
class StoredMedium:
    """A medium's row and the rows of its variants."""

    row: Row[Any]
    variants: list[Row[Any]]

    def objects(self, store: Store) -> tuple[ObjectRef, ...]:
        """Return the original and the variants as objects of that store; none of a medium without bytes."""
        original = self.row
        if original.original_key is None or original.sha256 is None:
            return ()
        return (
            ObjectRef(
                store=store,
                key=original.original_key,
                size_bytes=original.size_bytes,
                sha256=original.sha256,
                media_type=original.media_type,
            ),
            *(
                ObjectRef(
                    store=store,
                    key=variant.key,
                    size_bytes=variant.size_bytes,
                    sha256=variant.sha256,
                    media_type=variant.media_type,
                )
                for variant in self.variants
            ),
        )


async def load_stored_media(session: AsyncSession, media_ids: Collection[UUID]) -> dict[UUID, StoredMedium]:
    """Return those that exist."""
    rows = await media.find_many(session, media_ids)
    variants = await media.variants_of(session, list(rows))
    return {media_id: StoredMedium(row, variants.get(media_id, [])) for media_id, row in rows.items()}
