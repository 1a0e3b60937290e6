"""Opens a conversation; whoever opens it is in it."""

from collections.abc import Collection
from uuid import UUID

from mediamill_catalog import conversations
from mediamill_catalog.idempotency import RepeatableRequest, answered_before
from mediamill_catalog.tables import utc_now
from mediamill_contracts.ids import new_id
from mediamill_database import Database


async def open_conversation(
    database: Database,
    *,
    creator_id: str,
    member_ids: Collection[str],
    title: str | None,
    request: RepeatableRequest | None,
) -> UUID:
    """Return the id of the new conversation; for a repeated request, that of the first.

    Raises IdempotencyConflictError when the key was used for another request.
    """
    conversation_id = new_id()
    async with database.write() as session:
        answer = {"conversationId": str(conversation_id)}
        earlier = await answered_before(
            session, request, user_id=creator_id, status_code=201, answer=answer, now=utc_now()
        )
        if earlier is not None:
            return UUID(earlier["conversationId"])
        await conversations.add(
            session,
            conversation_id,
            title=title,
            created_by=creator_id,
            member_ids={creator_id, *member_ids},
            now=utc_now(),
        )
    return conversation_id
