"""One derived picture, as it is served."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import MEDIA, VARIANTS


async def find_visible(session: AsyncSession, media_id: UUID, name: str) -> Row[Any] | None:
    """Return one variant with its medium's `file_name` and `storage_status`; None when that is deleted."""
    found = await session.execute(
        select(VARIANTS, MEDIA.c.file_name, MEDIA.c.storage_status)
        .join(MEDIA, MEDIA.c.id == VARIANTS.c.media_id)
        .where(VARIANTS.c.media_id == media_id, VARIANTS.c.name == name, MEDIA.c.deleted_at.is_(None))
    )
    return found.one_or_none()
