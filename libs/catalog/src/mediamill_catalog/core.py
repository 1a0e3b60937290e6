"""The tables as SQLAlchemy Core sees them: the hot path writes plain statements, without ORM bookkeeping."""

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Executable, Row, Table, any_, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from mediamill_catalog import chat_tables, operator_tables, tables


def _table(model: type[SQLModel]) -> Table:
    return cast("Table", vars(model)["__table__"])


USERS = _table(tables.User)
SIGN_IN_LIMITS = _table(tables.SignInLimit)
MEDIA = _table(tables.Media)
VARIANTS = _table(tables.Variant)
JOBS = _table(tables.Job)
TIMELINE = _table(tables.MediaEvent)
SETTINGS = _table(operator_tables.Setting)
SETTING_CHANGES = _table(operator_tables.SettingChange)
AUDIT = _table(tables.AuditEvent)
SYNC_JOBS = _table(operator_tables.SyncJob)
SYNC_ITEMS = _table(operator_tables.SyncItem)
WATERMARK_JOBS = _table(operator_tables.WatermarkJob)
WATERMARK_ITEMS = _table(operator_tables.WatermarkItem)
SCHEDULES = _table(operator_tables.Schedule)
CALLS = _table(tables.Call)
CONVERSATIONS = _table(chat_tables.Conversation)
MEMBERS = _table(chat_tables.ConversationMember)
CHAT_MESSAGES = _table(chat_tables.ChatMessage)
RECEIPTS = _table(chat_tables.MessageReceipt)
ATTACHMENTS = _table(chat_tables.MessageAttachment)
IDEMPOTENCY_KEYS = _table(tables.IdempotencyKey)


def among(column: ColumnElement[Any], parameter: str, dialect: str) -> ColumnElement[bool]:
    """Return the condition that `column` is in the list given as `parameter`, whatever its length.

    On PostgreSQL the list is one array: the statement is prepared once, not again for each length.
    """
    if dialect == "sqlite":
        return column.in_(bindparam(parameter, expanding=True))
    return column == any_(bindparam(parameter, type_=postgresql.ARRAY(column.type)))


async def insert_unless_there(session: AsyncSession, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless its key is taken; return whether it was inserted. Waits as `insert_new` does."""
    return bool(await insert_new(session, table, [row]))


async def insert_new(
    session: AsyncSession, table: Table, rows: Sequence[dict[str, Any]]
) -> Sequence[Row[Any]]:
    """Insert those rows whose keys are free, with one statement; return the rows that were inserted.

    Of rows with the same key the first is taken. Waits for a concurrent transaction that inserts one of the
    keys, so that what is missing in the answer was committed by another.
    """
    if not rows:
        return []
    statement = _insert_new(table, session.get_bind().dialect.name)
    return (await session.execute(statement, rows)).all()


@cache
def _insert_new(table: Table, dialect: str) -> Executable:
    key: Sequence[Any] = tuple(table.primary_key.columns)
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing(index_elements=key).returning(table)
    return postgresql.insert(table).on_conflict_do_nothing(index_elements=key).returning(table)
