"""The small periodic duties of ingest: gauges of open jobs, abandoned staging, records that have expired."""

from collections import Counter
from datetime import timedelta

import structlog

from mediamill_catalog import idempotency
from mediamill_catalog.jobs import OPEN
from mediamill_catalog.statistics import count_jobs
from mediamill_catalog.tables import utc_now
from mediamill_contracts.topology import QUEUES
from mediamill_database import Database
from mediamill_ingest.metrics import QUEUE_DEPTH, QUEUE_SIZE
from mediamill_ingest.usecases.sweep_staging import sweep_staging
from mediamill_messaging.subscription import topic_matches
from mediamill_outbox import prune_inbox
from mediamill_runtime.periodic import Periodic
from mediamill_storage.local import LocalObjectStore

GAUGES_SECONDS = 10.0
"""Fresher than usual scrape intervals; a scrape itself asks the database nothing."""
HOUR_SECONDS = 3600.0
KEYS_KEPT_SECONDS = 24 * HOUR_SECONDS
"""How long a repeated request with an idempotency key gets its first answer."""
INBOX_KEPT_SECONDS = 7 * 24 * HOUR_SECONDS
"""Longer than any message waits in a queue."""

_log = structlog.get_logger(__name__)


class Housekeeping:
    """Ingest's background tasks."""

    def __init__(self, database: Database, store: LocalObjectStore, *, abandoned_seconds: float) -> None:
        self._database = database
        self._store = store
        self._abandoned_seconds = abandoned_seconds
        self._tasks = (
            Periodic("job-gauges", GAUGES_SECONDS, self.refresh_gauges),
            Periodic("sweep-staging", min(HOUR_SECONDS, abandoned_seconds), self.sweep),
            Periodic("forget-expired", HOUR_SECONDS, self.forget_expired),
        )

    def start(self) -> None:
        """Begin in the background."""
        for task in self._tasks:
            task.start()

    async def stop(self) -> None:
        """End all tasks."""
        for task in self._tasks:
            await task.stop()

    async def refresh_gauges(self) -> None:
        """Read how many jobs are open, by the queue they wait for and their status."""
        async with self._database.read() as session:
            counts = await count_jobs(session, OPEN)
        depth = Counter({status.value: 0 for status in OPEN})
        QUEUE_SIZE.clear()
        for count in counts:
            QUEUE_SIZE.labels(queue_of(count.type, count.lane), count.status.value).set(count.count)
            depth[count.status.value] += count.count
        for status, number in depth.items():
            QUEUE_DEPTH.labels(status).set(number)

    async def sweep(self) -> None:
        """Remove abandoned staging."""
        removed = await sweep_staging(self._database, self._store, older_than_seconds=self._abandoned_seconds)
        if removed:
            _log.info("removed abandoned uploads", count=removed)

    async def forget_expired(self) -> None:
        """Forget old idempotency keys and old entries of the inbox."""
        async with self._database.write() as session:
            await idempotency.forget_before(session, utc_now() - timedelta(seconds=KEYS_KEPT_SECONDS))
        await prune_inbox(self._database, INBOX_KEPT_SECONDS)


def queue_of(kind: str, lane: str) -> str:
    """Return the name of the queue whose workers take jobs of this kind and lane."""
    key = f"media.accepted.{kind}.{lane}"
    takes = (queue.name for queue in QUEUES if any(topic_matches(topic, key) for topic in queue.topics))
    return next(takes, "none")
