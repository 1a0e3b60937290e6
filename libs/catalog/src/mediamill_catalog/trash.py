"""Media that are hidden from their owners and wait for the end of their retention."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import MEDIA


async def deleted_before(
    session: AsyncSession, moment: datetime, *, count: int, after: UUID | None = None
) -> Sequence[Row[Any]]:
    """Return a batch of media deleted before then whose removal nobody has asked for, after an id."""
    conditions = [MEDIA.c.deleted_at < moment, MEDIA.c.purge_requested_at.is_(None)]
    if after is not None:
        conditions.append(MEDIA.c.id > after)
    statement = select(MEDIA).where(*conditions).order_by(MEDIA.c.id).limit(count)
    return (await session.execute(statement)).all()
