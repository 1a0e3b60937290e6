"""The two connections of a worker that publishes what became of each message.

It consumes on one and publishes on the other, which ends later: work that ends while the process stops still
gets its result out.
"""

import time
from collections.abc import Sequence

from mediamill_messaging.rabbitmq.publisher import RabbitPublisher
from mediamill_messaging.rabbitmq.transport import RabbitTransport
from mediamill_messaging.subscription import BroadcastSubscription, Subscription

QUIESCE_SHARE = 0.95
"""Of the half of the grace time in which a process quiesces: the wait ends before it is cut off."""
STOP_SHARE = 0.7
"""Of the other half, for handlers that have not ended; the rest is for what is closed after them."""
PUBLISHED_SECONDS = 1.0
"""For the connection that publishes: handlers have waited for the confirms of what they published."""


class RabbitWorker:
    """Runs handlers that publish results, for a process that has `grace_seconds` to end."""

    def __init__(self, url: str, *, service: str, grace_seconds: float) -> None:
        self._url = url
        self._service = service
        self._half = grace_seconds / 2
        self._outgoing = RabbitTransport(url, service=service)
        self._incoming = RabbitTransport(url, service=service)

    @property
    def publisher(self) -> RabbitPublisher:
        """Where handlers publish."""
        return self._outgoing.publisher

    def consume(
        self, subscriptions: Sequence[Subscription], broadcasts: Sequence[BroadcastSubscription] = ()
    ) -> None:
        """Say what is consumed from `start` on; the handlers may well need `publisher` to be made."""
        self._incoming = RabbitTransport(
            self._url, service=self._service, subscriptions=subscriptions, broadcasts=broadcasts
        )

    async def start(self) -> None:
        """Begin to connect in the background, and to consume when that is done."""
        await self._outgoing.start()
        await self._incoming.start()

    async def quiesce(self) -> None:
        """Take no more messages, and let those in hand end."""
        await self._incoming.drain(time.monotonic() + self._half * QUIESCE_SHARE)

    async def stop_consuming(self) -> None:
        """End what is still in hand; it is delivered again, to this service's next process or another."""
        await self._incoming.stop(self._half * STOP_SHARE)

    async def stop(self) -> None:
        """End consuming, then publishing."""
        await self.stop_consuming()
        await self._outgoing.stop(PUBLISHED_SECONDS)

    async def check(self) -> None:
        """Make a round trip to the broker; raises BrokerUnavailableError."""
        await self._incoming.check()
