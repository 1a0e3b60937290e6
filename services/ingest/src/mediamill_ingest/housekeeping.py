"""The periodic duty of ingest: gauges of open jobs. What has to be removed, the service cleanup removes."""

from collections import Counter

from mediamill_catalog.jobs import OPEN
from mediamill_catalog.statistics import count_jobs
from mediamill_database import Database
from mediamill_ingest.job_queues import queue_of_job
from mediamill_ingest.metrics import QUEUE_DEPTH, QUEUE_SIZE
from mediamill_runtime.periodic import Periodic

GAUGES_SECONDS = 10.0
"""Fresher than usual scrape intervals; a scrape itself asks the database nothing."""


class Housekeeping:
    """Ingest's background tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._gauges = Periodic("job-gauges", GAUGES_SECONDS, self.refresh_gauges)

    def start(self) -> None:
        """Begin in the background."""
        self._gauges.start()

    async def stop(self) -> None:
        """End it."""
        await self._gauges.stop()

    async def refresh_gauges(self) -> None:
        """Read how many jobs are open, by the queue they wait for and their status."""
        async with self._database.read() as session:
            counts = await count_jobs(session, OPEN)
        depth = Counter({status.value: 0 for status in OPEN})
        QUEUE_SIZE.clear()
        for count in counts:
            QUEUE_SIZE.labels(queue_of_job(count.type, count.lane), count.status.value).set(count.count)
            depth[count.status.value] += count.count
        for status, number in depth.items():
            QUEUE_DEPTH.labels(status).set(number)
