"""All media with all their objects, a page at a time: what stores should hold."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import MEDIA
from mediamill_catalog.media import variants_of
from mediamill_catalog.stored_media import StoredMedium
from mediamill_catalog.tables import MediaStatus
from mediamill_storage import keys


async def page_of_media(
    session: AsyncSession, *, count: int, after: UUID | None = None
) -> list[StoredMedium]:
    """Return the next media after an id, deleted ones too."""
    statement = select(MEDIA).order_by(MEDIA.c.id).limit(count)
    if after is not None:
        statement = statement.where(MEDIA.c.id > after)
    rows = (await session.execute(statement)).all()
    variants = await variants_of(session, [row.id for row in rows])
    return [StoredMedium(row, variants.get(row.id, [])) for row in rows]


def is_settled(medium: Row[Any], *, before: datetime) -> bool:
    """Return whether nobody has had anything to do with a READY medium since then."""
    return bool(
        medium.status == MediaStatus.READY
        and medium.purge_requested_at is None
        and medium.removing is None
        and medium.updated_at < before
    )


def prefixes_in_work(medium: Row[Any]) -> Iterator[str]:
    """Yield the common beginning of the keys of a medium whose objects come and go beside its row."""
    quiet = medium.status == MediaStatus.READY and medium.purge_requested_at is None
    if not quiet and medium.sha256 is not None:
        yield keys.permanent_prefix(medium.id, medium.sha256, medium.created_at)
