"""Figures of ingest's own work; the names are part of the interface to dashboards and alerts."""

from prometheus_client import Counter, Gauge

_MOST_ENTITY_TYPES = 50
"""Users may invent entity types; what comes after so many is counted together."""

_added = Counter("media_jobs_added_total", "Uploads that were taken in", ["entity_type", "queue_type"])
_processed = Counter("media_jobs_processed_total", "Jobs that ended", ["entity_type", "status"])
_failed = Counter("media_upload_failed_total", "Uploads that were refused", ["reason"])
_initiated = Counter("media_upload_initiated_total", "Uploads to S3 that were begun", ["mime_type"])
_confirmed = Counter("media_upload_confirmed_total", "Uploads to S3 that were confirmed")
QUEUE_SIZE = Gauge("media_queue_size", "Jobs that have not ended, by queue", ["queue", "status"])
QUEUE_DEPTH = Gauge("media_queue_depth", "Jobs that have not ended", ["status"])
_entity_types: set[str] = set()


def count_added(entity_type: str, lane: str) -> None:
    """Count an upload that was taken in."""
    _added.labels(_label(entity_type), lane).inc()


def count_processed(entity_type: str, status: str) -> None:
    """Count a job that ended as `completed`, `failed` or `cancelled`."""
    _processed.labels(_label(entity_type), status).inc()


def count_refused(reason: str) -> None:
    """Count an upload that was refused with this reason code."""
    _failed.labels(reason).inc()


def count_initiated(media_type: str) -> None:
    """Count an upload to S3 that was begun, of an accepted type."""
    _initiated.labels(media_type).inc()


def count_confirmed() -> None:
    """Count an upload to S3 whose bytes were there and looked sound."""
    _confirmed.inc()


def _label(entity_type: str) -> str:
    if entity_type not in _entity_types:
        if len(_entity_types) >= _MOST_ENTITY_TYPES:
            return "other"
        _entity_types.add(entity_type)
    return entity_type
