"""Broadcasts inside the process: in order, in memory, at most once, and never in anybody's way."""

import asyncio
import time
from typing import Any

import structlog
from sqlalchemy import Row

from mediamill_messaging.pipeline import Pipeline
from mediamill_messaging.subscription import BroadcastSubscription, Delivery

CAPACITY = 10_000
"""Messages that wait for a slow listener before the newest are dropped."""

logger = structlog.get_logger(__name__)


class BroadcastRunner:
    """Feeds one listener with the messages it subscribed to, one after the other."""

    def __init__(self, subscription: BroadcastSubscription) -> None:
        self._name = subscription.broadcast.name
        self._pipeline = Pipeline.of_broadcast(subscription)
        self._waiting: asyncio.Queue[Row[Any]] = asyncio.Queue(CAPACITY)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to feed the listener."""
        self._task = asyncio.create_task(self._feed(), name=f"broadcast-{self._name}")

    def put(self, row: Row[Any]) -> None:
        """Pass on a committed outbox row; types that the listener has no route for are skipped."""
        if not self._pipeline.takes(row.type):
            return
        try:
            self._waiting.put_nowait(row)
        except asyncio.QueueFull:
            logger.warning("broadcast dropped: the listener is too slow", broadcast=self._name, type=row.type)

    async def stop(self, deadline: float) -> None:
        """Let the listener take what waits until `deadline` (monotonic seconds), then stop it."""
        if self._task is None:
            return
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await self._waiting.join()
        except TimeoutError:
            logger.warning("broadcasts dropped at stop", broadcast=self._name, count=self._waiting.qsize())
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _feed(self) -> None:
        while True:
            row = await self._waiting.get()
            delivery = Delivery(self._name, row.event_id, row.type, row.routing_key, row.headers)
            try:
                await self._pipeline.handle(delivery, row.payload)
            except Exception:
                logger.exception("broadcast could not be handled", broadcast=self._name, type=row.type)
            finally:
                self._waiting.task_done()
