"""Messages: sent with media that the sender owns, received and seen by the others, deleted by the sender."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Request

from mediamill_catalog.attachments import Reason, Unusable
from mediamill_catalog.chat_messages import Receipt
from mediamill_catalog.idempotency import IdempotencyConflictError
from mediamill_ingest.http.conversation_routes import MAX_JSON_BYTES
from mediamill_ingest.http.message_schemas import MessageView, MessageWanted
from mediamill_ingest.http.message_views import message_views
from mediamill_ingest.http.ownership import own_message
from mediamill_ingest.http.parts import HttpParts, Parts
from mediamill_ingest.usecases.send_message import (
    AttachmentsNotUsableError,
    Draft,
    NoSuchConversationError,
    send_message,
)
from mediamill_ingest.usecases.update_message import delete_message, note_receipt
from mediamill_runtime.identity import Identity
from mediamill_web.idempotency import KEY_IS_FINE, IdempotencyKeyHeader, key_reused, repeatable
from mediamill_web.identity import DOCUMENTED, Caller
from mediamill_web.json_body import described, json_body
from mediamill_web.problems import ProblemError, not_found
from mediamill_web.responses import refusals

_REASONS: dict[Reason, str] = {
    "not_found": "There is no such medium, or it is not yours.",
    "not_ready": "It is not READY.",
    "deleted": "It is in the trash.",
    "attached_already": "It is attached to a message already.",
}

router = APIRouter(tags=["messages"], dependencies=DOCUMENTED)


@router.post(
    "/api/messages",
    status_code=201,
    responses=refusals(400, 401, 404, 409, 413, 422),
    openapi_extra={"requestBody": {"required": True, "content": described(MessageWanted)}},
)
async def send(
    request: Request, parts: Parts, caller: Caller, idempotency_key: IdempotencyKeyHeader = None
) -> MessageView:
    """Send a message to the members of a conversation; attachments are shown to all of them from now on."""
    wanted = await json_body(request, parts, MessageWanted, max_bytes=MAX_JSON_BYTES)
    draft = Draft(
        sender_id=caller.user_id,
        conversation_id=wanted.conversation_id,
        content=wanted.content,
        attachment_ids=tuple(dict.fromkeys(wanted.attachment_ids)),
    )
    try:
        message_id = await send_message(
            parts.database,
            draft,
            s3=parts.stores.settings().known_s3_location,
            request=repeatable(request, idempotency_key, wanted.model_dump_json()),
        )
    except NoSuchConversationError:
        raise not_found() from None
    except AttachmentsNotUsableError as error:
        raise _not_usable(error.unusable) from None
    except IdempotencyConflictError:
        raise key_reused() from None
    return await _view(parts, message_id, caller)


@router.post(
    "/api/messages/{message_id}/delivered", responses=refusals(401, 403, 404), dependencies=KEY_IS_FINE
)
async def delivered(message_id: UUID, parts: Parts, caller: Caller) -> MessageView:
    """Tell that the caller's device has a message; again: the same."""
    return await _receive(parts, message_id, caller, "delivered")


@router.post("/api/messages/{message_id}/seen", responses=refusals(401, 403, 404), dependencies=KEY_IS_FINE)
async def seen(message_id: UUID, parts: Parts, caller: Caller) -> MessageView:
    """Tell that the caller has seen a message; again: the same."""
    return await _receive(parts, message_id, caller, "seen")


@router.delete("/api/messages/{message_id}", responses=refusals(401, 403, 404), dependencies=KEY_IS_FINE)
async def delete(message_id: UUID, parts: Parts, caller: Caller) -> MessageView:
    """Delete a message; its attachments go to the sender's trash. Again: the same."""
    async with parts.database.read() as session:
        row = await own_message(session, message_id, caller)
    if row.sender_id != caller.user_id:
        raise ProblemError(403, "not_the_sender", "Only its sender can delete a message.")
    await delete_message(parts.database, message_id, actor=caller.user_id)
    return await _view(parts, message_id, caller)


async def _receive(parts: HttpParts, message_id: UUID, caller: Identity, receipt: Receipt) -> MessageView:
    async with parts.database.read() as session:
        row = await own_message(session, message_id, caller)
    if row.sender_id == caller.user_id:
        raise ProblemError(403, "not_a_recipient", "The message is your own.")
    await note_receipt(parts.database, message_id, user_id=caller.user_id, receipt=receipt)
    return await _view(parts, message_id, caller)


async def _view(parts: HttpParts, message_id: UUID, caller: Identity) -> MessageView:
    async with parts.database.read() as session:
        row = await own_message(session, message_id, caller)
        return (await message_views(session, [row]))[0]


def _not_usable(unusable: Sequence[Unusable]) -> ProblemError:
    errors = [
        {
            "field": "attachmentIds",
            "mediaId": str(each.media_id),
            "reason": each.reason,
            "message": _REASONS[each.reason],
        }
        for each in unusable
    ]
    named = ", ".join(f"{each.media_id} ({each.reason})" for each in unusable)
    return ProblemError(400, "attachments_not_usable", f"These cannot be attached: {named}.", errors=errors)
