"""What each event says to whom; the payloads are the protocol and do not change."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from mediamill_contracts import Message
from mediamill_contracts.call import CallCompleted
from mediamill_contracts.media import MediaDeleted, MediaProgressed, MediaRestored
from mediamill_contracts.platform import MessageSent, MessageUpdated
from mediamill_contracts.sync import SyncProgressed, SyncUpdated
from mediamill_contracts.topology import NOTIFIER
from mediamill_contracts.watermark import MediaRemade
from mediamill_messaging.subscription import topic_matches
from mediamill_notifier.handlers import RecentEvents
from mediamill_notifier.notifications import MAPPINGS, OPERATORS, Notification

MEDIA, JOB, PARENT = (UUID(int=number) for number in (1, 2, 3))
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
IDS = {"media_id": MEDIA, "job_id": JOB, "user_id": "ann"}
SHOWN = {"jobId": str(JOB), "mediaId": str(MEDIA)}
COUNTS = {"processed_files": 4, "processed_bytes": 5_000}


@pytest.mark.parametrize(
    ("event", "room", "name", "payload"),
    [
        (
            MediaProgressed(**IDS, progress=50, stage="decoded"),
            "user:ann",
            "media:progress",
            {**SHOWN, "progress": 50, "stage": "decoded"},
        ),
        (
            MediaDeleted(media_id=MEDIA, user_id="ann", deleted_by="root", deleted_at=AT),
            "user:ann",
            "media:deleted",
            {"mediaId": str(MEDIA), "deletedAt": "2026-01-02T03:04:05+00:00"},
        ),
        (
            MediaRestored(media_id=MEDIA, user_id="ann", restored_by="ann", restored_at=AT),
            "user:ann",
            "media:restored",
            {"mediaId": str(MEDIA), "restoredAt": "2026-01-02T03:04:05+00:00"},
        ),
        (
            MediaRemade(**IDS, variants=("thumb",), watermarked=True),
            "user:ann",
            "media:watermarked",
            {**SHOWN, "variants": ["thumb"], "watermarked": True},
        ),
        (
            CallCompleted(
                job_id=JOB, user_id="ann", call_type="image", status="failed", code="quota", detail="x"
            ),
            "user:ann",
            "call:completed",
            {
                "jobId": str(JOB),
                "type": "image",
                "status": "failed",
                "result": None,
                "error": {"code": "quota", "detail": "x"},
            },
        ),
        (
            SyncProgressed(sync_job_id=JOB, parent_job_id=PARENT, failed_files=1, **COUNTS),
            OPERATORS,
            "sync:progress",
            {
                "jobId": str(JOB),
                "parentJobId": str(PARENT),
                "status": "active",
                "processedFiles": 4,
                "failedFiles": 1,
                "processedBytes": 5_000,
            },
        ),
        (
            SyncUpdated(
                sync_job_id=PARENT,
                operation="upload_to_s3",
                status="partial_failed",
                total_files=5,
                failed_files=1,
                **COUNTS,
            ),
            OPERATORS,
            "sync:progress",
            {
                "jobId": str(PARENT),
                "parentJobId": None,
                "operation": "upload_to_s3",
                "status": "partial_failed",
                "totalFiles": 5,
                "processedFiles": 4,
                "failedFiles": 1,
                "processedBytes": 5_000,
            },
        ),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "wire_name") else "",
)
def test_events_become_notifications(event, room, name, payload):
    """An event is told to the right room under its name, with its payload."""
    notify = dict(MAPPINGS)[type(event)]
    assert list(notify(event)) == [Notification(room, name, payload)]


def test_every_mapped_event_is_subscribed_to():
    """No mapping waits for an event that the notifier's stream never brings."""
    for model, _ in MAPPINGS:
        assert any(topic_matches(topic, model.wire_name) for topic in NOTIFIER.topics), model.wire_name


def test_only_the_latest_events_are_remembered():
    """Memory is bounded: the oldest id is forgotten first."""
    recent = RecentEvents(capacity=2)
    assert [recent.is_first(event) for event in ("a", "b", "a", "c", "b", "a")] == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]


def test_messages_reach_the_members_and_nobody_else():
    """Each member is told in the own room, and the payload has no word of the message."""
    common = {"chat_message_id": JOB, "conversation_id": PARENT, "member_ids": ("ann", "bob")}
    new = MessageSent(**common, sender_id="ann", attachment_ids=(MEDIA,), sent_at=AT)
    seen = MessageUpdated(**common, status="SEEN", changed_by="bob", changed_at=AT)
    ids = {"messageId": str(JOB), "conversationId": str(PARENT)}
    at = "2026-01-02T03:04:05+00:00"
    expected: dict[Message, tuple[str, dict[str, Any]]] = {
        new: ("message:new", {"senderId": "ann", "attachmentIds": [str(MEDIA)], "sentAt": at}),
        seen: (
            "message:status",
            {"status": "SEEN", "deleted": False, "changedBy": "bob", "changedAt": at},
        ),
    }
    for event, (name, payload) in expected.items():
        told = list(dict(MAPPINGS)[type(event)](event))
        assert told == [Notification(f"user:{user}", name, ids | payload) for user in ("ann", "bob")]
