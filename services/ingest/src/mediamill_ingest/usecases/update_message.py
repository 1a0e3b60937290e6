"""What happens to a message after it was stored; whoever is in the conversation is told of each change."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import attachments, chat_messages, conversations
from mediamill_catalog.chat_messages import Receipt
from mediamill_catalog.chat_tables import ChatStatus
from mediamill_catalog.tables import utc_now
from mediamill_contracts.platform import MessageSent, MessageUpdated
from mediamill_database import Database
from mediamill_ingest.usecases.hide_media import hide_in
from mediamill_outbox import emit


async def record_sent(database: Database, event: MessageSent) -> None:
    """Note that the announcement has come round: the transport has it, and whoever listens is told."""
    async with database.write() as session:
        message = await chat_messages.note_sent(session, event.chat_message_id)
        if message is not None:
            await _tell(session, message, status=ChatStatus.SENT, by=None, now=utc_now())


async def note_receipt(database: Database, message_id: UUID, *, user_id: str, receipt: Receipt) -> None:
    """Note that a recipient has received or seen a message; again, or of a deleted one: nothing."""
    now = utc_now()
    async with database.write() as session:
        message = await chat_messages.find(session, message_id, lock=True)
        if message is None or message.deleted_at is not None:
            return
        status = await chat_messages.note_receipt(session, message, user_id, receipt, now=now)
        if status is not None:
            await _tell(session, message, status=status, by=user_id, now=now)


async def delete_message(database: Database, message_id: UUID, *, actor: str) -> None:
    """Take a message's content away and put its attachments in the trash; again: nothing.

    In the trash they are free: what is restored from it can be attached to another message.
    """
    now = utc_now()
    async with database.write() as session:
        message = await chat_messages.find(session, message_id, lock=True)
        if message is None or not await chat_messages.mark_deleted(session, message_id, now=now):
            return
        for media_id in await attachments.detach(session, message_id):
            await hide_in(session, media_id, user_id=message.sender_id, actor=actor)
        await _tell(session, message, status=message.status, by=actor, now=now, deleted=True)


async def _tell(
    session: AsyncSession,
    message: Row[Any],
    *,
    status: ChatStatus,
    by: str | None,
    now: datetime,
    deleted: bool = False,
) -> None:
    members = await conversations.members_of(session, [message.conversation_id])
    event = MessageUpdated(
        chat_message_id=message.id,
        conversation_id=message.conversation_id,
        member_ids=tuple(members[message.conversation_id]),
        status=status.value,
        deleted=deleted,
        changed_by=by,
        changed_at=now,
    )
    await emit(session, event)
