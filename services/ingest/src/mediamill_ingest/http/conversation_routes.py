"""Conversations: who is in one may read it. For everybody else, admins too, there is nothing there."""

from uuid import UUID

from fastapi import APIRouter, Request

from mediamill_catalog import chat_messages, conversations
from mediamill_catalog.idempotency import IdempotencyConflictError
from mediamill_ingest.http.message_schemas import (
    ConversationPage,
    ConversationView,
    ConversationWanted,
    MessagePage,
)
from mediamill_ingest.http.message_views import conversation_views, message_views
from mediamill_ingest.http.ownership import own_conversation
from mediamill_ingest.http.parts import Parts
from mediamill_ingest.usecases.open_conversation import open_conversation
from mediamill_web.idempotency import IdempotencyKeyHeader, key_reused, repeatable
from mediamill_web.identity import DOCUMENTED, Caller
from mediamill_web.json_body import described, json_body
from mediamill_web.parameters import DEFAULT_LIMIT, Cursor, Limit
from mediamill_web.responses import refusals

MAX_JSON_BYTES = 64 * 1024

router = APIRouter(tags=["conversations"], dependencies=DOCUMENTED)


@router.post(
    "/api/conversations",
    status_code=201,
    responses=refusals(401, 409, 413, 422),
    openapi_extra={"requestBody": {"required": True, "content": described(ConversationWanted)}},
)
async def open_one(
    request: Request, parts: Parts, caller: Caller, idempotency_key: IdempotencyKeyHeader = None
) -> ConversationView:
    """Open a conversation between the caller and others."""
    wanted = await json_body(request, parts, ConversationWanted, max_bytes=MAX_JSON_BYTES)
    try:
        conversation_id = await open_conversation(
            parts.database,
            creator_id=caller.user_id,
            member_ids=wanted.member_ids,
            title=wanted.title,
            request=repeatable(request, idempotency_key, wanted.model_dump_json()),
        )
    except IdempotencyConflictError:
        raise key_reused() from None
    async with parts.database.read() as session:
        row = await own_conversation(session, conversation_id, caller)
        return (await conversation_views(session, [row]))[0]


@router.get("/api/conversations", responses=refusals(401, 422))
async def list_all(
    parts: Parts, caller: Caller, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> ConversationPage:
    """Return the caller's conversations, newest first."""
    async with parts.database.read() as session:
        page = await conversations.list_conversations(
            session, member=caller.user_id, limit=limit, after=cursor
        )
        return ConversationPage(items=await conversation_views(session, page.items), next_cursor=page.next)


@router.get("/api/conversations/{conversation_id}/messages", responses=refusals(401, 404, 422))
async def list_messages(
    conversation_id: UUID,
    parts: Parts,
    caller: Caller,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> MessagePage:
    """Return a conversation's messages, newest first; deleted ones without content and attachments."""
    async with parts.database.read() as session:
        await own_conversation(session, conversation_id, caller)
        page = await chat_messages.list_messages(session, conversation_id, limit=limit, after=cursor)
        return MessagePage(items=await message_views(session, page.items), next_cursor=page.next)
