"""Messages of a process to itself stay in it: no publish, no confirm, no delivery and no answer.

The row waits in the outbox until the handler is done, so that nothing is lost with the process: rows that it
never finished are sent when their hold ends. Whatever goes wrong with a message here, and whatever comes
while many are in hand, takes the way over the broker, where retries and dead letters are.
"""

import asyncio
from collections.abc import Callable
from functools import cache

import structlog

from mediamill_contracts.topology import BROADCASTS, EVENTS_EXCHANGE, QUEUES, Broadcast, Queue
from mediamill_messaging.envelope import Envelope
from mediamill_messaging.pipeline import Pipeline
from mediamill_messaging.subscription import Delivery, Subscription, topic_matches

MOST_IN_HAND = 128
"""Messages that are handled at once; the queue takes the others, for any replica that has time."""

_TAKERS: tuple[Queue | Broadcast, ...] = (*QUEUES, *BROADCASTS)
Settle = Callable[[bool], None]
logger = structlog.get_logger(__name__)


class HomeDelivery:
    """Hands messages to the handlers of one subscription, if no other queue and no broadcast takes them."""

    def __init__(self, subscription: Subscription) -> None:
        self._queue = subscription.queue
        self._pipeline = Pipeline.of(subscription)
        self._running: set[asyncio.Task[None]] = set()
        self._open = True

    def takes(self, envelope: Envelope) -> bool:
        """Tell whether the message can be handled here and now, and concerns nobody else."""
        return (
            self._open
            and len(self._running) < MOST_IN_HAND
            and envelope.exchange == EVENTS_EXCHANGE
            and self._pipeline.takes(envelope.type)
            and _takers(envelope.routing_key) == (self._queue,)
        )

    def begin(self, envelope: Envelope, settle: Settle) -> None:
        """Handle a message in the background; `settle` is told whether it is done."""
        task = asyncio.create_task(self._handle(envelope, settle), name=f"at-home-{envelope.type}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self, grace_seconds: float) -> None:
        """Take nothing more; cancel what is not done within the grace time."""
        self._open = False
        if self._running:
            await asyncio.wait(self._running, timeout=grace_seconds)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _handle(self, envelope: Envelope, settle: Settle) -> None:
        delivery = Delivery(
            self._queue.name,
            envelope.event_id,
            envelope.type,
            envelope.routing_key,
            envelope.headers,
            transport="outbox",
        )
        try:
            await self._pipeline.handle(delivery, envelope.payload)
        except Exception as error:  # noqa: BLE001 - the broker's way has the retries, and judges the error
            logger.info("message goes to the broker", event_id=delivery.event_id, error=repr(error))
            settle(False)
        else:
            settle(True)


@cache
def _takers(routing_key: str) -> tuple[Queue | Broadcast, ...]:
    return tuple(
        taker for taker in _TAKERS if any(topic_matches(topic, routing_key) for topic in taker.topics)
    )
