"""What clients are told of each event, and who is told: the whole protocol on one page.

Payloads are camelCase and hold ids, words and paths only; whoever needs more asks the HTTP API.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from mediamill_contracts import Message
from mediamill_contracts.call import CallCompleted, CallProgressed
from mediamill_contracts.media import (
    JobMessage,
    MediaDeleted,
    MediaFailed,
    MediaProgressed,
    MediaReady,
    MediaRestored,
)
from mediamill_contracts.platform import MessageSent, MessageUpdated, QueueAlerted
from mediamill_contracts.sync import SyncProgressed, SyncUpdated
from mediamill_contracts.watermark import MediaRemade

OPERATORS = "operators"
"""Room of the people who run the installation."""

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Notification:
    """One Socket.IO event for everybody in one room."""

    room: str
    name: str
    payload: dict[str, Any]


Mapping = Callable[[Any], Iterable[Notification]]


def user_room(user_id: str) -> str:
    """Return the room that all sockets of one user are in."""
    return f"user:{user_id}"


def _ids(event: JobMessage) -> dict[str, Any]:
    return {"jobId": str(event.job_id), "mediaId": str(event.media_id)}


def progressed(event: MediaProgressed) -> Iterable[Notification]:
    """Tell the owner how far the job is."""
    payload = {**_ids(event), "progress": event.progress, "stage": event.stage}
    yield Notification(user_room(event.user_id), "media:progress", payload)


def ready(event: MediaReady) -> Iterable[Notification]:
    """Tell the owner that the variants can be fetched: once as progress, as job result and as medium."""
    room = user_room(event.user_id)
    yield Notification(room, "media:progress", {**_ids(event), "progress": 100, "stage": "ready"})
    yield Notification(room, "media:processed", {**_ids(event), "success": True, "urls": event.urls})
    yield Notification(room, "media:ready", {"mediaId": str(event.media_id), "urls": event.urls})


def failed(event: MediaFailed) -> Iterable[Notification]:
    """Tell the owner that there will be no result, and why."""
    room = user_room(event.user_id)
    failure = {**_ids(event), "error": {"code": event.code, "detail": event.detail}}
    yield Notification(room, "media:processed", {**failure, "success": False})
    yield Notification(room, "media:failed", failure)


def deleted(event: MediaDeleted) -> Iterable[Notification]:
    """Tell the owner's other tabs that the medium is in the trash."""
    payload = {"mediaId": str(event.media_id), "deletedAt": event.deleted_at.isoformat()}
    yield Notification(user_room(event.user_id), "media:deleted", payload)


def restored(event: MediaRestored) -> Iterable[Notification]:
    """Tell the owner's other tabs that the medium is back."""
    payload = {"mediaId": str(event.media_id), "restoredAt": event.restored_at.isoformat()}
    yield Notification(user_room(event.user_id), "media:restored", payload)


def remade(event: MediaRemade) -> Iterable[Notification]:
    """Tell the owner which variants are others now, and whether with a mark or without it."""
    payload = {**_ids(event), "variants": list(event.variants), "watermarked": event.watermarked}
    yield Notification(user_room(event.user_id), "media:watermarked", payload)


def call_progressed(event: CallProgressed) -> Iterable[Notification]:
    """Tell the caller that the queued call is made, or has to be made again, and why in safe words."""
    payload = event.model_dump(mode="json", include={"status", "attempt", "detail"})
    payload |= {"jobId": str(event.job_id), "type": event.call_type}
    yield Notification(user_room(event.user_id), "call:progress", payload)


def call_completed(event: CallCompleted) -> Iterable[Notification]:
    """Tell the caller how the queued call ended."""
    payload: dict[str, Any] = {
        "jobId": str(event.job_id),
        "type": event.call_type,
        "status": event.status,
        "result": event.result,
        "error": {"code": event.code, "detail": event.detail} if event.status == "failed" else None,
    }
    yield Notification(user_room(event.user_id), "call:completed", payload)


def message_sent(event: MessageSent) -> Iterable[Notification]:
    """Tell everybody in the conversation of a message, by ids: its words are for the API to give."""
    payload = {
        **_message_ids(event),
        "senderId": event.sender_id,
        "attachmentIds": [str(media_id) for media_id in event.attachment_ids],
        "sentAt": event.sent_at.isoformat(),
    }
    yield from _in_conversation(event, "message:new", payload)


def message_updated(event: MessageUpdated) -> Iterable[Notification]:
    """Tell everybody in the conversation how far a message is, or that it was deleted."""
    payload = {
        **_message_ids(event),
        "status": event.status,
        "deleted": event.deleted,
        "changedBy": event.changed_by,
        "changedAt": event.changed_at.isoformat(),
    }
    yield from _in_conversation(event, "message:status", payload)


def _message_ids(event: MessageSent | MessageUpdated) -> dict[str, Any]:
    return {"messageId": str(event.chat_message_id), "conversationId": str(event.conversation_id)}


def _in_conversation(
    event: MessageSent | MessageUpdated, name: str, payload: dict[str, Any]
) -> Iterable[Notification]:
    """Address the room `conversation:<id>`: it consists of whoever the event says is a member at that moment.

    So nobody has to be let in or put out here, where no record of members is.
    """
    for member in event.member_ids:
        yield Notification(user_room(member), name, payload)


def sync_progressed(event: SyncProgressed) -> Iterable[Notification]:
    """Tell operators how far the present run of a batch is."""
    parent = str(event.parent_job_id) if event.parent_job_id else None
    yield _sync(event, parentJobId=parent, status="active")


def sync_updated(event: SyncUpdated) -> Iterable[Notification]:
    """Tell operators what is on record of a job that somebody asked for, all its batches together."""
    yield _sync(
        event,
        parentJobId=None,
        operation=event.operation,
        status=event.status,
        totalFiles=event.total_files,
    )


def _sync(event: SyncProgressed | SyncUpdated, **more: Any) -> Notification:
    payload = {
        "jobId": str(event.sync_job_id),
        "processedFiles": event.processed_files,
        "failedFiles": event.failed_files,
        "processedBytes": event.processed_bytes,
    }
    return Notification(OPERATORS, "sync:progress", payload | more)


def queue_alerted(event: QueueAlerted) -> Iterable[Notification]:
    """Tell operators that a queue is deeper than it should be."""
    payload = event.model_dump(mode="json", exclude={"alerted_at"})
    yield Notification(OPERATORS, "queue:alert", {**payload, "alertedAt": event.alerted_at.isoformat()})


MAPPINGS: tuple[tuple[type[Message], Mapping], ...] = (
    (MediaProgressed, progressed),
    (MediaReady, ready),
    (MediaFailed, failed),
    (MediaDeleted, deleted),
    (MediaRestored, restored),
    (MediaRemade, remade),
    (CallProgressed, call_progressed),
    (CallCompleted, call_completed),
    (SyncProgressed, sync_progressed),
    (SyncUpdated, sync_updated),
    (MessageSent, message_sent),
    (MessageUpdated, message_updated),
    (QueueAlerted, queue_alerted),
)
"""Each event that clients hear of."""
