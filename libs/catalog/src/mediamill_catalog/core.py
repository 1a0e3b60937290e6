"""The tables as SQLAlchemy Core sees them: the hot path writes plain statements, without ORM bookkeeping."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from mediamill_catalog import tables


def _table(model: type[SQLModel]) -> Table:
    return cast("Table", vars(model)["__table__"])


USERS = _table(tables.User)
MEDIA = _table(tables.Media)
VARIANTS = _table(tables.Variant)
JOBS = _table(tables.Job)
TIMELINE = _table(tables.MediaEvent)
SETTINGS = _table(tables.Setting)
SETTING_CHANGES = _table(tables.SettingChange)
AUDIT = _table(tables.AuditEvent)
SYNC_JOBS = _table(tables.SyncJob)
SYNC_ITEMS = _table(tables.SyncItem)
SCHEDULES = _table(tables.Schedule)
IDEMPOTENCY_KEYS = _table(tables.IdempotencyKey)


async def insert_unless_there(session: AsyncSession, table: Table, values: dict[str, Any]) -> bool:
    """Insert a row unless its key is taken; return whether it was inserted.

    Waits for a concurrent transaction that inserts the same key, so False means: committed by another.
    """
    key: Sequence[Any] = tuple(table.primary_key.columns)
    if session.get_bind().dialect.name == "sqlite":
        in_sqlite = sqlite.insert(table).values(values).on_conflict_do_nothing(index_elements=key)
        return (await session.execute(in_sqlite.returning(*key))).first() is not None
    in_postgresql = postgresql.insert(table).values(values).on_conflict_do_nothing(index_elements=key)
    return (await session.execute(in_postgresql.returning(*key))).first() is not None
