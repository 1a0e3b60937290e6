"""Who did what that cannot be undone or must be answered for; the record outlives what it is about.

The line of a purge is the medium's tombstone: it keeps a late message from bringing the medium back.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import AUDIT

DELETED = "media.deleted"
RESTORED = "media.restored"
PURGE_REQUESTED = "media.purge_requested"
PURGED = "media.purged"


@dataclass(frozen=True)
class Act:
    """One line: who (`system` for a schedule or a setting) did what, when, and to which medium."""

    actor: str
    action: str
    at: datetime
    media_id: UUID | None = None
    detail: dict[str, Any] = field(default_factory=dict)


async def record(session: AsyncSession, *acts: Act) -> None:
    """Append lines."""
    if acts:
        await session.execute(insert(AUDIT).inline(), [vars(act) for act in acts])


async def tombstones(session: AsyncSession, media_ids: Collection[UUID]) -> dict[UUID, Row[Any]]:
    """Return the line of the purge of each medium that was purged; its detail has `userId` and `keys`."""
    found = await session.execute(
        select(AUDIT).where(AUDIT.c.media_id.in_(set(media_ids)), AUDIT.c.action == PURGED)
    )
    return {row.media_id: row for row in found.all()}


async def of_media(session: AsyncSession, media_id: UUID) -> list[Row[Any]]:
    """Return all that was recorded about one medium, oldest first."""
    found = await session.execute(select(AUDIT).where(AUDIT.c.media_id == media_id).order_by(AUDIT.c.id))
    return list(found.all())
