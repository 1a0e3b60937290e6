"""What the API takes and answers about conversations, in camelCase."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from mediamill_contracts.message import WITHOUT_NUL
from mediamill_contracts.platform import MAX_MEMBERS, ChatStatus
from mediamill_ingest.http.schemas import VariantView
from mediamill_web.schemas import Answer

MAX_CONTENT = 4_000
MAX_ATTACHMENTS = 20


Text = Annotated[str, StringConstraints(pattern=WITHOUT_NUL)]
MemberId = Annotated[Text, StringConstraints(min_length=1, max_length=128)]


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class ConversationWanted(_Wanted):
    """Who shall be in it; the caller is anyway."""

    member_ids: list[MemberId] = Field(min_length=1, max_length=MAX_MEMBERS - 1)
    title: Annotated[Text, StringConstraints(min_length=1, max_length=255)] | None = None


class MessageWanted(_Wanted):
    """Content, attachments, or both. Attachments are ids of the caller's own media that are READY."""

    conversation_id: UUID
    content: Annotated[Text, StringConstraints(max_length=MAX_CONTENT)] | None = None
    attachment_ids: list[UUID] = Field(default=[], max_length=MAX_ATTACHMENTS)

    @model_validator(mode="after")
    def _require_something(self) -> Self:
        if not self.attachment_ids and not (self.content or "").strip():
            raise ValueError("content or attachmentIds is required")
        return self


class ConversationView(Answer):
    """A conversation as its members see it."""

    id: UUID
    title: str | None
    member_ids: list[str]
    created_by: str
    created_at: datetime


class ConversationPage(Answer):
    """Some conversations, newest first; `nextCursor` asks for the following ones."""

    items: list[ConversationView]
    next_cursor: UUID | None


class AttachmentView(Answer):
    """A medium in a message, with where its variants are. The original stays its owner's."""

    media_id: UUID
    kind: str
    file_name: str
    alt: str | None
    title: str | None
    width: int | None
    height: int | None
    duration_ms: int | None
    thumbhash: str | None
    dominant_color: str | None
    urls: dict[str, str]
    variants: list[VariantView]


class ReceiptView(Answer):
    """How far a message is for one recipient."""

    user_id: str
    delivered_at: datetime | None
    seen_at: datetime | None


class MessageView(Answer):
    """A message; `status` is that of the recipient who is least far. A deleted one has no content."""

    id: UUID
    conversation_id: UUID
    sender_id: str
    content: str | None
    status: ChatStatus
    attachments: list[AttachmentView]
    receipts: list[ReceiptView]
    created_at: datetime
    deleted_at: datetime | None


class MessagePage(Answer):
    """Some messages, newest first; `nextCursor` asks for the following ones."""

    items: list[MessageView]
    next_cursor: UUID | None
