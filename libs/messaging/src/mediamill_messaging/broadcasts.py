"""Broadcasts reach their listener in order, at most once, and are never in anybody's way."""

import asyncio
import time

import structlog

from mediamill_messaging.pipeline import Pipeline
from mediamill_messaging.subscription import BroadcastSubscription, Delivery

CAPACITY = 10_000
"""Messages that wait for a slow listener; further ones are dropped."""

logger = structlog.get_logger(__name__)


class BroadcastRunner:
    """Feeds one listener with the messages it subscribed to, one after the other."""

    def __init__(self, subscription: BroadcastSubscription) -> None:
        self.broadcast = subscription.broadcast
        self._pipeline = Pipeline.of_broadcast(subscription)
        self._waiting: asyncio.Queue[tuple[Delivery, bytes]] = asyncio.Queue(CAPACITY)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to feed the listener."""
        self._task = asyncio.create_task(self._feed(), name=f"broadcast-{self.broadcast.name}")

    def put(self, delivery: Delivery, payload: bytes) -> None:
        """Pass on a message; types that the listener has no route for are skipped."""
        if not self._pipeline.takes(delivery.type):
            return
        try:
            self._waiting.put_nowait((delivery, payload))
        except asyncio.QueueFull:
            logger.warning("broadcast dropped: slow listener", broadcast=delivery.queue, type=delivery.type)

    async def stop(self, deadline: float) -> None:
        """Let the listener take what waits until `deadline` (monotonic seconds), then stop it."""
        if self._task is None:
            return
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await self._waiting.join()
        except TimeoutError:
            count = self._waiting.qsize()
            logger.warning("broadcasts dropped at stop", broadcast=self.broadcast.name, count=count)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _feed(self) -> None:
        while True:
            delivery, payload = await self._waiting.get()
            try:
                await self._pipeline.handle(delivery, payload)
            except Exception:
                logger.exception("broadcast failed", broadcast=delivery.queue, type=delivery.type)
            finally:
                self._waiting.task_done()
