"""Messages and how far they are. Statuses only go forward, for each recipient and for all together."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.chat_tables import ChatStatus
from mediamill_catalog.core import CHAT_MESSAGES, RECEIPTS
from mediamill_catalog.listing import Page, page_of

Receipt = Literal["delivered", "seen"]
_ORDER = tuple(ChatStatus)


async def add(
    session: AsyncSession,
    message_id: UUID,
    *,
    conversation_id: UUID,
    sender_id: str,
    content: str | None,
    recipients: Collection[str],
    now: datetime,
) -> None:
    """Insert a PENDING message for these recipients."""
    await session.execute(
        insert(CHAT_MESSAGES).values(
            id=message_id,
            conversation_id=conversation_id,
            sender_id=sender_id,
            content=content,
            status=ChatStatus.PENDING,
            created_at=now,
        )
    )
    rows = [{"message_id": message_id, "user_id": user_id} for user_id in sorted(recipients)]
    await session.execute(insert(RECEIPTS), rows)


async def find(session: AsyncSession, message_id: UUID, *, lock: bool = False) -> Row[Any] | None:
    """Return the row, or None; `lock` keeps it as it is until the transaction ends."""
    statement = select(CHAT_MESSAGES).where(CHAT_MESSAGES.c.id == message_id)
    return (
        await session.execute(statement.with_for_update(key_share=True) if lock else statement)
    ).one_or_none()


async def list_messages(
    session: AsyncSession, conversation_id: UUID, *, limit: int, after: UUID | None = None
) -> Page[Row[Any]]:
    """Return up to `limit` messages, newest first, deleted ones among them."""
    statement = select(CHAT_MESSAGES).where(CHAT_MESSAGES.c.conversation_id == conversation_id)
    return await page_of(session, statement, CHAT_MESSAGES, limit, after)


async def receipts_of(session: AsyncSession, message_ids: Collection[UUID]) -> dict[UUID, list[Row[Any]]]:
    """Return the receipts of each message, in the order of the recipients' ids."""
    found = await session.execute(
        select(RECEIPTS).where(RECEIPTS.c.message_id.in_(message_ids)).order_by(RECEIPTS.c.user_id)
    )
    receipts: dict[UUID, list[Row[Any]]] = {}
    for row in found:
        receipts.setdefault(row.message_id, []).append(row)
    return receipts


async def note_sent(session: AsyncSession, message_id: UUID) -> Row[Any] | None:
    """Move a PENDING message to SENT; return the row, or None when it was no longer that."""
    changed = await session.execute(
        update(CHAT_MESSAGES)
        .where(
            CHAT_MESSAGES.c.id == message_id,
            CHAT_MESSAGES.c.status == ChatStatus.PENDING,
            CHAT_MESSAGES.c.deleted_at.is_(None),
        )
        .values(status=ChatStatus.SENT)
        .returning(CHAT_MESSAGES)
    )
    row: Row[Any] | None = changed.one_or_none()
    return row


async def note_receipt(
    session: AsyncSession, message: Row[Any], user_id: str, receipt: Receipt, *, now: datetime
) -> ChatStatus | None:
    """Write that a recipient of a message (locked by `find`) has received or seen it.

    Return what the message's status is then, or None when this is nothing new. What is seen is delivered.
    """
    wanted: dict[str, Any] = {"delivered_at": func.coalesce(RECEIPTS.c.delivered_at, now)}
    new = RECEIPTS.c.delivered_at.is_(None)
    if receipt == "seen":
        wanted["seen_at"] = now
        new = RECEIPTS.c.seen_at.is_(None)
    changed = await session.execute(
        update(RECEIPTS)
        .where(RECEIPTS.c.message_id == message.id, RECEIPTS.c.user_id == user_id, new)
        .values(**wanted)
        .returning(RECEIPTS.c.user_id)
    )
    if changed.first() is None:
        return None
    receipts = (await receipts_of(session, [message.id]))[message.id]
    status: ChatStatus = max(message.status, _together(receipts), key=_ORDER.index)
    if status != message.status:
        await session.execute(
            update(CHAT_MESSAGES).where(CHAT_MESSAGES.c.id == message.id).values(status=status)
        )
    return status


async def mark_deleted(session: AsyncSession, message_id: UUID, *, now: datetime) -> bool:
    """Take the content away and mark as deleted; return whether it was not."""
    changed = await session.execute(
        update(CHAT_MESSAGES)
        .where(CHAT_MESSAGES.c.id == message_id, CHAT_MESSAGES.c.deleted_at.is_(None))
        .values(deleted_at=now, content=None)
        .returning(CHAT_MESSAGES.c.id)
    )
    return changed.first() is not None


def _together(receipts: Sequence[Row[Any]]) -> ChatStatus:
    if all(row.seen_at is not None for row in receipts):
        return ChatStatus.SEEN
    if all(row.delivered_at is not None for row in receipts):
        return ChatStatus.DELIVERED
    return ChatStatus.PENDING
