"""Tables of conversations: their members, messages, what became of these for whom, and what is attached."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Column, Index, Text
from sqlmodel import Field, SQLModel

from mediamill_catalog.columns import enum_column
from mediamill_catalog.tables import utc_now


class ChatStatus(StrEnum):
    """How far a message is, by the recipient that is least far; a message never goes back."""

    PENDING = "PENDING"
    """Stored."""
    SENT = "SENT"
    """Its announcement has come round: whoever listens has been told."""
    DELIVERED = "DELIVERED"
    """Every recipient has received it."""
    SEEN = "SEEN"
    """Every recipient has seen it."""


class Conversation(SQLModel, table=True):
    """People who write to each other."""

    __tablename__ = "conversation"

    id: UUID = Field(primary_key=True)
    title: str | None = Field(default=None, max_length=255)
    created_by: str = Field(max_length=128)
    created_at: datetime = Field(default_factory=utc_now)


class ConversationMember(SQLModel, table=True):
    """Who is in a conversation."""

    __tablename__ = "conversation_member"
    __table_args__ = (Index("conversation_of_member", "user_id", "conversation_id"),)

    conversation_id: UUID = Field(primary_key=True, foreign_key="conversation.id", ondelete="CASCADE")
    user_id: str = Field(primary_key=True, max_length=128)


class ChatMessage(SQLModel, table=True):
    """One message. Of a deleted one the row stays, without content."""

    __tablename__ = "chat_message"
    __table_args__ = (Index("chat_message_of_conversation", "conversation_id", "id"),)

    id: UUID = Field(primary_key=True)
    conversation_id: UUID = Field(foreign_key="conversation.id", ondelete="CASCADE")
    sender_id: str = Field(max_length=128)
    content: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    status: ChatStatus = Field(default=ChatStatus.PENDING, sa_column=enum_column(ChatStatus))
    created_at: datetime = Field(default_factory=utc_now)
    deleted_at: datetime | None = None


class MessageReceipt(SQLModel, table=True):
    """How far a message is for one of its recipients: all members at that time but the sender."""

    __tablename__ = "message_receipt"

    message_id: UUID = Field(primary_key=True, foreign_key="chat_message.id", ondelete="CASCADE")
    user_id: str = Field(primary_key=True, max_length=128)
    delivered_at: datetime | None = None
    seen_at: datetime | None = None
    """Never set without `delivered_at`."""


class MessageAttachment(SQLModel, table=True):
    """A medium in a message. It is in one at most, and free again when that is deleted."""

    __tablename__ = "message_attachment"
    __table_args__ = (Index("attachment_of_message", "message_id", "position"),)

    media_id: UUID = Field(primary_key=True, foreign_key="media.id", ondelete="CASCADE")
    message_id: UUID = Field(foreign_key="chat_message.id", ondelete="CASCADE")
    position: int
    relocation_run: int | None = None
    """The run that copies it to the message's folder at present; the results of others do not count."""
