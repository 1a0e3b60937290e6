"""Pages of media and jobs for the routes: newest first, with a cursor that survives new arrivals.

Ids are UUIDv7, so their order is the order of arrival and the last id of a page is its cursor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import JOBS, MEDIA
from mediamill_catalog.tables import JobStatus, MediaStatus, StorageStatus

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Rows, and the id after which the next page begins; None on the last page."""

    items: Sequence[T]
    next: UUID | None


@dataclass(frozen=True)
class MediaFilter:
    """What a page of media holds; None means any. Deleted media are left out unless asked for alone."""

    user_id: str | None = None
    status: MediaStatus | None = None
    storage_status: StorageStatus | None = None
    kind: str | None = None
    entity_type: str | None = None
    entity_id: str | None = None
    deleted: bool = False


def conditions(wanted: MediaFilter) -> list[ColumnElement[bool]]:
    """Return what a row of `MEDIA` must fulfil."""
    columns = MEDIA.c
    asked = (
        (columns.user_id, wanted.user_id),
        (columns.status, wanted.status),
        (columns.storage_status, wanted.storage_status),
        (columns.kind, wanted.kind),
        (columns.entity_type, wanted.entity_type),
        (columns.entity_id, wanted.entity_id),
    )
    return [
        columns.deleted_at.is_not(None) if wanted.deleted else columns.deleted_at.is_(None),
        columns.purge_requested_at.is_(None),
        *(column == value for column, value in asked if value is not None),
    ]


async def list_media(
    session: AsyncSession, wanted: MediaFilter, *, limit: int, after: UUID | None = None
) -> Page[Row[Any]]:
    """Return up to `limit` media rows, newest first."""
    statement = select(MEDIA).where(*conditions(wanted))
    return await page_of(session, statement, MEDIA, limit, after)


async def list_jobs(
    session: AsyncSession,
    *,
    user_id: str | None = None,
    status: JobStatus | None = None,
    limit: int,
    after: UUID | None = None,
) -> Page[Row[Any]]:
    """Return up to `limit` job rows, newest first."""
    statement = select(JOBS)
    if user_id is not None:
        statement = statement.where(JOBS.c.user_id == user_id)
    if status is not None:
        statement = statement.where(JOBS.c.status == status)
    return await page_of(session, statement, JOBS, limit, after)


async def page_of(
    session: AsyncSession, statement: Select[Any], table: Table, limit: int, after: UUID | None
) -> Page[Row[Any]]:
    """Return up to `limit` rows of a select from `table`, newest first, those after `after` only."""
    if after is not None:
        statement = statement.where(table.c.id < after)
    rows = (await session.execute(statement.order_by(table.c.id.desc()).limit(limit + 1))).all()
    more = len(rows) > limit
    return Page(rows[:limit], rows[limit - 1].id if more else None)
