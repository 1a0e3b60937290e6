"""Events of the platform around media: chat messages, settings, alerts."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from mediamill_contracts.message import LongText, Message, ShortText, Timestamp, UserId

MAX_MEMBERS = 100
"""Members of one conversation; the events about it name them all."""
ChatStatus = Literal["PENDING", "SENT", "DELIVERED", "SEEN"]


class MessageSent(Message):
    """A chat message was stored; its attachments are media that are READY."""

    wire_name: ClassVar[str] = "message.sent"

    chat_message_id: UUID
    conversation_id: UUID
    sender_id: UserId
    attachment_ids: tuple[UUID, ...] = Field(default=(), max_length=20)
    member_ids: tuple[UserId, ...] = Field(default=(), max_length=MAX_MEMBERS)
    """Everybody in the conversation at that moment, the sender too: who may be told."""
    sent_at: Timestamp


class MessageUpdated(Message):
    """A chat message got further on its way to its recipients, or was deleted."""

    wire_name: ClassVar[str] = "message.updated"

    chat_message_id: UUID
    conversation_id: UUID
    member_ids: tuple[UserId, ...] = Field(max_length=MAX_MEMBERS)
    status: ChatStatus
    """Of all recipients together: the least that any of them has reached."""
    deleted: bool = False
    changed_by: UserId | None = None
    """Who received it, saw it or deleted it; None for what the platform did itself."""
    changed_at: Timestamp


class SettingsChanged(Message):
    """Settings have a new revision; services read the sections that concern them."""

    wire_name: ClassVar[str] = "settings.changed"

    revision: int = Field(ge=1)
    sections: tuple[ShortText, ...]
    changed_by: UserId
    changed_at: Timestamp


class QueueAlerted(Message):
    """A queue is deeper than its threshold, or no longer so."""

    wire_name: ClassVar[str] = "queue.alerted"

    queue: ShortText
    state: Literal["raised", "recovered"] = "raised"
    measure: Literal["waiting", "dead_letters", "oldest_seconds"]
    value: int = Field(ge=0)
    threshold: int = Field(ge=0)
    detail: LongText = ""
    alerted_at: Timestamp
