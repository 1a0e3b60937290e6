"""The one list of exchanges, queues, bindings and retry policies.

Broker declarations, the embedded bus, metrics and alerts all derive from it.
"""

from dataclasses import dataclass

EVENTS_EXCHANGE = "media.events"
"""Topic exchange that every message is published to."""
DEAD_LETTER_EXCHANGE = "media.dlx"
"""The routing key is the name of the work queue."""
DELAY_PREFIX = "media.delay"
"""Exchange and TTL queue `media.delay.<ms>`, one pair for each distinct delay; it takes every key."""
DELIVERY_LIMIT = 20
"""Deliveries without an answer after which the broker itself dead-letters a message."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often, and after how many seconds each time, a failed message is tried again."""

    delays: tuple[float, ...] = ()
    max_crashes: int = 8
    """Deliveries that ended with the consumer's death; neighbours in the prefetch window count too."""


@dataclass(frozen=True)
class Queue:
    """A work queue: who consumes it, what is routed to it, and how failures are retried."""

    name: str
    service: str
    topics: tuple[str, ...]
    retry: RetryPolicy = RetryPolicy()
    concurrency: int = 10
    consumer_timeout_ms: int | None = None
    """How long the broker waits for an answer; None keeps the broker's default of 30 minutes."""

    @property
    def dead_letter_name(self) -> str:
        """Queue that holds what this one gave up."""
        return f"{self.name}.dlq"


@dataclass(frozen=True)
class Broadcast:
    """A stream that every replica of a service gets whole, while it is connected."""

    name: str
    service: str
    topics: tuple[str, ...]
    prefetch: int = 200


PROCESSOR_RETRY = RetryPolicy(delays=(2, 4, 8))
STORAGE_RETRY = RetryPolicy(delays=(2, 4, 8, 16, 32))
LONG_WORK_MS = 2 * 60 * 60 * 1000
"""How long a message may be worked on before the broker gives it to another."""
CONTROL_RETRY = RetryPolicy(delays=(0.2, 1, 5, 15, 60))
"""Control-plane work fails when the database is away: try soon, then patiently."""

INGEST_ADMISSION = Queue(
    "ingest.admission", "ingest", ("media.uploaded",), retry=CONTROL_RETRY, concurrency=16
)
INGEST_ADMISSION_BULK = Queue(
    "ingest.admission-bulk", "ingest", ("media.uploaded.bulk",), retry=CONTROL_RETRY, concurrency=8
)
"""Apart from the other, so that an interactive upload is not admitted behind a thousand others."""
INGEST_RECORDS = Queue(
    "ingest.records",
    "ingest",
    (
        "media.rejected",
        "media.processed",
        "watermark.applied",
        "sync.completed",
        "media.purged",
        "call.completed",
        "message.sent",
        "relocation.completed",
    ),
    retry=CONTROL_RETRY,
    concurrency=64,
)
PROCESSOR_IMAGES = Queue(
    "processor.images",
    "processor",
    ("media.accepted.image.interactive",),
    retry=PROCESSOR_RETRY,
    concurrency=4,
)
PROCESSOR_IMAGES_BULK = Queue(
    "processor.images-bulk",
    "processor",
    ("media.accepted.image.bulk",),
    retry=PROCESSOR_RETRY,
    concurrency=2,
)
PROCESSOR_VIDEOS = Queue(
    "processor.videos",
    "processor",
    ("media.accepted.video.interactive",),
    retry=PROCESSOR_RETRY,
    concurrency=1,
    consumer_timeout_ms=LONG_WORK_MS,
)
PROCESSOR_VIDEOS_BULK = Queue(
    "processor.videos-bulk",
    "processor",
    ("media.accepted.video.bulk",),
    retry=PROCESSOR_RETRY,
    concurrency=1,
    consumer_timeout_ms=LONG_WORK_MS,
)
PROCESSOR_WATERMARKS = Queue(
    "processor.watermarks",
    "processor",
    ("watermark.requested",),
    retry=PROCESSOR_RETRY,
    concurrency=5,
)
PROCESSOR_VIDEO_WATERMARKS = Queue(
    "processor.video-watermarks",
    "processor",
    ("watermark.requested.video",),
    retry=PROCESSOR_RETRY,
    concurrency=1,
    consumer_timeout_ms=LONG_WORK_MS,
)
"""Apart from what users upload, so that a job over many videos delays none of theirs by more than one."""
STORAGE_SYNC_TRANSFERS = Queue(
    "storage-sync.transfers",
    "storage-sync",
    ("sync.requested",),
    retry=STORAGE_RETRY,
    concurrency=4,
    consumer_timeout_ms=LONG_WORK_MS,
)
STORAGE_SYNC_PURGES = Queue(
    "storage-sync.purges",
    "storage-sync",
    ("purge.requested",),
    retry=STORAGE_RETRY,
    concurrency=8,
)
STORAGE_SYNC_RELOCATIONS = Queue(
    "storage-sync.relocations",
    "storage-sync",
    ("relocation.requested",),
    retry=STORAGE_RETRY,
    concurrency=8,
)
DISPATCHER_CALLS = Queue(
    "dispatcher.calls",
    "dispatcher",
    ("call.requested",),
    retry=RetryPolicy(delays=(1, 5, 15, 60, 300)),
    concurrency=3,
)

QUEUES: tuple[Queue, ...] = (
    INGEST_ADMISSION,
    INGEST_ADMISSION_BULK,
    INGEST_RECORDS,
    PROCESSOR_IMAGES,
    PROCESSOR_IMAGES_BULK,
    PROCESSOR_VIDEOS,
    PROCESSOR_VIDEOS_BULK,
    PROCESSOR_WATERMARKS,
    PROCESSOR_VIDEO_WATERMARKS,
    STORAGE_SYNC_TRANSFERS,
    STORAGE_SYNC_PURGES,
    STORAGE_SYNC_RELOCATIONS,
    DISPATCHER_CALLS,
)

INGEST_PROGRESS = Broadcast(
    "ingest.progress", "ingest", ("media.progressed", "sync.progressed", "call.progressed")
)
"""Progress is news, not work: what a listener misses, the next report or the result makes good."""
INGEST_SETTINGS = Broadcast("ingest.settings", "ingest", ("settings.changed",))
"""Sign to read the settings again; who misses it sees the new revision at the next look."""
NOTIFIER = Broadcast(
    "notifier",
    "notifier",
    (
        "media.progressed",
        "media.ready",
        "media.failed",
        "media.deleted",
        "media.restored",
        "media.remade",
        "sync.progressed",
        "sync.updated",
        "call.progressed",
        "call.completed",
        "message.sent",
        "message.updated",
        "queue.alerted",
    ),
)

STORAGE_SYNC_CANCELLATIONS = Broadcast("storage-sync.cancellations", "storage-sync", ("sync.cancelled",))
"""Whichever replica has the run in hand stops it. One that was not there hears it when it reports."""

PROCESSOR_CANCELLATIONS = Broadcast(
    "processor.cancellations", "processor", ("media.failed", "watermark.cancelled")
)
"""Whichever replica has a cancelled job in hand stops it; a result that comes all the same is discarded."""

BROADCASTS: tuple[Broadcast, ...] = (
    INGEST_PROGRESS,
    INGEST_SETTINGS,
    NOTIFIER,
    STORAGE_SYNC_CANCELLATIONS,
    PROCESSOR_CANCELLATIONS,
)


def delay_name(seconds: float) -> str:
    """Return the name shared by the delay exchange and its queue."""
    return f"{DELAY_PREFIX}.{int(seconds * 1000)}"
