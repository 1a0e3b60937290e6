"""Uploads that were begun and never completed: found, and ended once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import JOBS, MEDIA
from mediamill_catalog.tables import MediaStatus

INCOMPLETE = (MediaStatus.PENDING, MediaStatus.UPLOADED, MediaStatus.CONFIRMED)
"""States of uploads that no worker has begun to process."""


async def unchanged_since(
    session: AsyncSession, before: datetime, *, limit: int, after: UUID | None = None
) -> Sequence[Row[Any]]:
    """Return a batch of incomplete uploads that nothing has happened to since then, beginning after an id."""
    conditions = [MEDIA.c.status.in_(INCOMPLETE), MEDIA.c.updated_at < before]
    if after is not None:
        conditions.append(MEDIA.c.id > after)
    statement = select(MEDIA).where(*conditions).order_by(MEDIA.c.id).limit(limit)
    return (await session.execute(statement)).all()


async def newest_jobs(session: AsyncSession, media_ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
    """Return the job that was begun last for each of the media that have one."""
    found = await session.execute(select(JOBS).where(JOBS.c.media_id.in_(media_ids)).order_by(JOBS.c.id))
    return {row.media_id: row for row in found}


async def expire(session: AsyncSession, medium: Row[Any], *, now: datetime) -> bool:
    """Move an upload to EXPIRED if it is still as it was read; return whether it was."""
    changed = await session.execute(
        update(MEDIA)
        .where(
            MEDIA.c.id == medium.id,
            MEDIA.c.status == medium.status,
            MEDIA.c.updated_at == medium.updated_at,
        )
        .values(status=MediaStatus.EXPIRED, multipart_id=None, updated_at=now)
        .returning(MEDIA.c.id)
    )
    return changed.first() is not None
