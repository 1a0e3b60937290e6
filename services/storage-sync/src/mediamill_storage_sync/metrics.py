"""Figures of storage-sync's own work; the names are part of the interface to dashboards and alerts."""

from prometheus_client import Counter

FILES = Counter(
    "media_sync_files_total",
    "Files by how they ended: `copied`, `present` (was there already), `removed`, `failed`",
    ["operation", "status"],
)
BYTES = Counter("media_sync_bytes_total", "Bytes that were copied", ["operation"])
PURGED = Counter("media_purged_objects_total", "Objects removed for good", ["store"])
