"""Stores a message with its attachments: after this transaction a crash can delay it, never lose it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from mediamill_catalog import attachments, chat_messages, conversations
from mediamill_catalog.attachments import Unusable
from mediamill_catalog.idempotency import RepeatableRequest, answered_before
from mediamill_catalog.relocations import request_relocations
from mediamill_catalog.tables import utc_now
from mediamill_contracts.ids import new_id
from mediamill_contracts.platform import MessageSent
from mediamill_contracts.storage import S3Location
from mediamill_database import Database
from mediamill_outbox import emit


class NoSuchConversationError(Exception):
    """It does not exist, or the sender is no member of it."""


class AttachmentsNotUsableError(Exception):
    """Some media cannot be attached; `unusable` says which, and why."""

    def __init__(self, unusable: Sequence[Unusable]) -> None:
        super().__init__(f"{len(unusable)} attachments cannot be used")
        self.unusable = unusable


@dataclass(frozen=True)
class Draft:
    """What somebody wants to send: content, attachments, or both."""

    sender_id: str
    conversation_id: UUID
    content: str | None
    attachment_ids: tuple[UUID, ...]


async def send_message(
    database: Database, draft: Draft, *, s3: S3Location | None, request: RepeatableRequest | None
) -> UUID:
    """Return the id of the stored message; for a repeated request, that of the first.

    What is attached begins to move to the message's folder. Raises NoSuchConversationError,
    AttachmentsNotUsableError, and IdempotencyConflictError when the key was used for another request.
    """
    message_id, now = new_id(), utc_now()
    async with database.write() as session:
        earlier = await answered_before(
            session,
            request,
            user_id=draft.sender_id,
            status_code=201,
            answer={"messageId": str(message_id)},
            now=now,
        )
        if earlier is not None:
            return UUID(earlier["messageId"])
        if await conversations.find(session, draft.conversation_id, member=draft.sender_id) is None:
            raise NoSuchConversationError
        unusable = await attachments.judge(session, draft.attachment_ids, sender_id=draft.sender_id)
        if unusable:
            raise AttachmentsNotUsableError(unusable)
        members = (await conversations.members_of(session, [draft.conversation_id]))[draft.conversation_id]
        await chat_messages.add(
            session,
            message_id,
            conversation_id=draft.conversation_id,
            sender_id=draft.sender_id,
            content=draft.content,
            recipients=set(members) - {draft.sender_id},
            now=now,
        )
        await attachments.attach(session, message_id, draft.attachment_ids)
        await request_relocations(session, message_id, draft.attachment_ids, s3=s3)
        event = MessageSent(
            chat_message_id=message_id,
            conversation_id=draft.conversation_id,
            sender_id=draft.sender_id,
            attachment_ids=draft.attachment_ids,
            member_ids=tuple(members),
            sent_at=now,
        )
        await emit(session, event)
    return message_id
