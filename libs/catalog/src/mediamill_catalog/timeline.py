"""What happened to each medium, oldest first: the record that support and users read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import TIMELINE


@dataclass(frozen=True)
class Happening:
    """One line of a timeline; `name` is a wire name, as in `media.uploaded`."""

    media_id: UUID
    name: str
    at: datetime
    job_id: UUID | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    actor: str | None = None
    trace_id: str | None = None


_RECORD = insert(TIMELINE).inline()


async def record(session: AsyncSession, *happenings: Happening) -> None:
    """Append lines; their media must exist."""
    if happenings:
        await session.execute(_RECORD, [vars(happening) for happening in happenings])


async def of_media(session: AsyncSession, media_id: UUID) -> Sequence[Row[Any]]:
    """Return the rows of one medium, oldest first."""
    found = await session.execute(
        select(TIMELINE).where(TIMELINE.c.media_id == media_id).order_by(TIMELINE.c.id)
    )
    return found.all()
