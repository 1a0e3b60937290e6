"""How much waits in the outbox and among the dead letters, for /metrics and its alerts.

Read from the database every few seconds, not at each scrape: a scrape must neither wait nor fail.
"""

import asyncio
import time

import structlog
from prometheus_client import Gauge
from sqlalchemy import bindparam, func, select

from mediamill_database import Database
from mediamill_outbox.tables import dead_letter, outbox

INTERVAL_SECONDS = 5.0

PENDING = Gauge("media_outbox_pending", "Messages in the outbox that are not sent yet")
OLDEST = Gauge("media_outbox_oldest_seconds", "Age of the oldest message in the outbox")
DEAD_LETTERS = Gauge("media_dead_letters", "Dead letters", ["queue", "status"])

_PENDING = select(func.count(), func.min(outbox.c.created_at)).where(outbox.c.created_at <= bindparam("now"))
_DEAD = select(dead_letter.c.queue, dead_letter.c.status, func.count()).group_by(
    dead_letter.c.queue, dead_letter.c.status
)
logger = structlog.get_logger(__name__)


class OutboxGauges:
    """Keeps the gauges of one database up to date."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to refresh in the background."""
        self._task = asyncio.create_task(self._run(), name="outbox-gauges")

    async def stop(self) -> None:
        """End refreshing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def refresh(self) -> None:
        """Read the numbers now."""
        async with self._database.read() as session:
            pending, oldest = (await session.execute(_PENDING, {"now": time.time()})).one()
            letters = (await session.execute(_DEAD)).all()
        PENDING.set(pending)
        OLDEST.set(0 if oldest is None else max(0.0, time.time() - oldest))
        DEAD_LETTERS.clear()
        for queue, status, count in letters:
            DEAD_LETTERS.labels(queue, status).set(count)

    async def _run(self) -> None:
        while True:
            try:
                await self.refresh()
            except Exception:
                logger.exception("outbox gauges could not be read")
            await asyncio.sleep(INTERVAL_SECONDS)
