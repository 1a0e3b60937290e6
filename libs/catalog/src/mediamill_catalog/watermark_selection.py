"""Which media a watermark job is about, taken some hundreds at a time: a filter may fit all there is.

What is left is kept in the job's row, so that planning can go on in another transaction, or another process.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import MEDIA
from mediamill_catalog.listing import MediaFilter, conditions
from mediamill_catalog.tables import MediaStatus

_AT_ONCE = 500
"""Media that one transaction plans: all of them are locked in it."""


@dataclass(frozen=True)
class Selection:
    """Media that are still to be planned: those named by `media_ids`, or else those that fit `wanted`."""

    variants: tuple[str, ...] = ()
    """Names; none: all, or, where marks are taken off, those that are marked."""
    media_ids: tuple[UUID, ...] = ()
    wanted: MediaFilter | None = None
    after: UUID | None = None
    """Id of the last medium that was planned because it fits `wanted`."""


_KEPT = TypeAdapter(Selection)


def selection_row(selection: Selection | None) -> dict[str, Any] | None:
    """Return a selection as a job keeps it."""
    return None if selection is None else _KEPT.dump_python(selection, mode="json")


def selection_of(kept: dict[str, Any]) -> Selection:
    """Return the selection that a job keeps."""
    return _KEPT.validate_python(kept)


async def count(session: AsyncSession, selection: Selection) -> int:
    """Return how many media a selection holds now."""
    if selection.wanted is None:
        return len(selection.media_ids)
    found = await session.execute(select(func.count()).select_from(MEDIA).where(*_fit(selection)))
    return found.scalar_one()


async def take(session: AsyncSession, selection: Selection) -> tuple[Sequence[UUID], Selection | None]:
    """Return the next media, and what is left after them: None when nothing is."""
    if selection.wanted is None:
        media_ids, left = selection.media_ids[:_AT_ONCE], selection.media_ids[_AT_ONCE:]
        return media_ids, replace(selection, media_ids=left) if left else None
    found = await session.scalars(
        select(MEDIA.c.id).where(*_fit(selection)).order_by(MEDIA.c.id).limit(_AT_ONCE)
    )
    page = found.all()
    return page, replace(selection, after=page[-1]) if len(page) == _AT_ONCE else None


def _fit(selection: Selection) -> list[ColumnElement[bool]]:
    """Return what the media of a filter must fulfil."""
    wanted = replace(selection.wanted or MediaFilter(), status=MediaStatus.READY)
    later = [] if selection.after is None else [MEDIA.c.id > selection.after]
    return [*conditions(wanted), *later]
