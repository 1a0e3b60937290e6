"""Conversations and messages of the catalog as the API shows them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import attachments, chat_messages, conversations, media
from mediamill_ingest.http.message_schemas import AttachmentView, ConversationView, MessageView, ReceiptView
from mediamill_ingest.http.views import media_view

_OF_MEDIUM = tuple(set(AttachmentView.model_fields) - {"media_id", "urls", "variants", "duration_ms"})


async def conversation_views(session: AsyncSession, rows: Sequence[Row[Any]]) -> list[ConversationView]:
    """Return conversations with their members, in the rows' order."""
    members = await conversations.members_of(session, [row.id for row in rows])
    return [
        ConversationView(
            id=row.id,
            title=row.title,
            member_ids=list(members[row.id]),
            created_by=row.created_by,
            created_at=row.created_at,
        )
        for row in rows
    ]


async def message_views(session: AsyncSession, rows: Sequence[Row[Any]]) -> list[MessageView]:
    """Return messages with attachments and receipts, in the rows' order."""
    ids = [row.id for row in rows]
    attached = await attachments.of_messages(session, ids)
    receipts = await chat_messages.receipts_of(session, ids)
    derived = await media.variants_of(session, [row.id for rows in attached.values() for row in rows])
    return [
        MessageView(
            id=row.id,
            conversation_id=row.conversation_id,
            sender_id=row.sender_id,
            content=row.content,
            status=row.status.value,
            attachments=[
                _attachment(medium, derived.get(medium.id, ())) for medium in attached.get(row.id, ())
            ],
            receipts=[ReceiptView.model_validate(receipt) for receipt in receipts.get(row.id, ())],
            created_at=row.created_at,
            deleted_at=row.deleted_at,
        )
        for row in rows
    ]


def _attachment(row: Row[Any], derived: Sequence[Row[Any]]) -> AttachmentView:
    medium = media_view(row, derived)
    shown = {name: getattr(medium, name) for name in _OF_MEDIUM}
    return AttachmentView(
        media_id=row.id, duration_ms=row.duration_ms, urls=medium.urls, variants=medium.variants, **shown
    )
