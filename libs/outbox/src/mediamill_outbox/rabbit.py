"""RabbitMQ for the control plane: consumes like any service, and sends through the outbox."""

import time
from collections.abc import Sequence
from typing import Any

from mediamill_database import Database
from mediamill_messaging.rabbitmq import RabbitTransport
from mediamill_messaging.subscription import BroadcastSubscription, Subscription
from mediamill_messaging.transport import DeadLetter, DeadLetterSink
from mediamill_outbox.dead_letters import DeadLetterEffect, record_dead_letter
from mediamill_outbox.embedded_bus import EmbeddedBus
from mediamill_outbox.emit import OutboxPublisher
from mediamill_outbox.home_delivery import HomeDelivery
from mediamill_outbox.relay import Relay

FALLBACK_AFTER_SECONDS = 2.0
"""How long the broker may be away before the embedded bus takes over: a blink changes nothing."""


def dead_letter_sink(database: Database, effect: DeadLetterEffect | None = None) -> DeadLetterSink:
    """Make the sink that stores a letter and applies its effect in one transaction."""

    async def keep(letter: DeadLetter) -> None:
        async with database.write() as session:
            await record_dead_letter(session, letter, effect)

    return keep


class OutboxRabbit:
    """A Transport for a service with a database: RabbitMQ to consume, outbox and relay to publish.

    With `collect_dead_letters` the service is the one that empties the dead letter queues. What this process
    itself writes to the queue of `home`, one of the subscriptions, is handled without a way over the broker.
    """

    def __init__(
        self,
        database: Database,
        url: str,
        *,
        service: str,
        subscriptions: Sequence[Subscription] = (),
        broadcasts: Sequence[BroadcastSubscription] = (),
        on_dead_letter: DeadLetterEffect | None = None,
        collect_dead_letters: bool = False,
        home: Subscription | None = None,
    ) -> None:
        self.publisher = OutboxPublisher(database)
        sink = dead_letter_sink(database, on_dead_letter) if collect_dead_letters else None
        self._rabbit = RabbitTransport(
            url, service=service, subscriptions=subscriptions, broadcasts=broadcasts, dead_letters=sink
        )
        self.publisher.attach(self._rabbit.publisher.tell)
        self._relay = Relay(
            database,
            self._rabbit.publisher,
            on_dead_letter,
            home=None if home is None else HomeDelivery(home),
        )

    @property
    def is_connected(self) -> bool:
        """Whether the broker is connected and every consumer is running."""
        return self._rabbit.is_connected

    async def start(self) -> None:
        """Begin to connect, consume and relay in the background."""
        await self._rabbit.start()
        await self._relay.start()

    async def stop(self, grace_seconds: float) -> None:
        """Drain the consumers, then send what they emitted, then close the connection."""
        deadline = time.monotonic() + grace_seconds
        await self._rabbit.drain(deadline)
        await self._relay.stop(max(0.0, deadline - time.monotonic()))
        await self._rabbit.stop(max(0.0, deadline - time.monotonic()))

    async def check(self) -> None:
        """Make a round trip to the broker; raises when there is no answer."""
        await self._rabbit.check()

    def asyncapi_app(self) -> Any:
        """Return an ASGI app with the AsyncAPI page of this service."""
        return self._rabbit.asyncapi_app()


class RabbitWithFallback:
    """A Transport on RabbitMQ that goes on without it: for one process that holds the whole system.

    While the broker is unreachable, outbox rows go to the embedded bus, whose handlers are the same. The
    way of a row is decided once: the embedded bus takes it out of the outbox in the transaction that makes
    its deliveries; the relay marks it, durably, before it tries to send. A marked row waits for the broker
    and goes no other way.
    """

    def __init__(
        self,
        database: Database,
        url: str,
        *,
        service: str,
        subscriptions: Sequence[Subscription] = (),
        broadcasts: Sequence[BroadcastSubscription] = (),
        on_dead_letter: DeadLetterEffect | None = None,
        publisher: OutboxPublisher | None = None,
    ) -> None:
        self.publisher = publisher or OutboxPublisher(database)
        self._database = database
        self._rabbit = RabbitTransport(
            url,
            service=service,
            subscriptions=subscriptions,
            broadcasts=broadcasts,
            dead_letters=dead_letter_sink(database, on_dead_letter),
        )
        self._relay = Relay(database, self._rabbit.publisher, on_dead_letter, decide_durably=True)
        self._embedded = EmbeddedBus(
            database,
            subscriptions,
            broadcasts,
            on_dead_letter,
            publisher=self.publisher,
            takes_outbox=self._is_broker_away,
        )
        self._last_seen = time.monotonic()

    @property
    def is_connected(self) -> bool:
        """Whether the broker is connected and every consumer is running."""
        return self._rabbit.is_connected

    async def start(self) -> None:
        """Begin to connect, consume and relay in the background."""
        self._last_seen = time.monotonic()
        await self._rabbit.start()
        await self._embedded.start()
        await self._relay.start()

    async def stop(self, grace_seconds: float) -> None:
        """Drain both ways at once, then send what the handlers emitted, then close the connection."""
        deadline = time.monotonic() + grace_seconds
        await self._rabbit.drain(deadline)
        await self._embedded.stop(max(0.0, deadline - time.monotonic()))
        await self._relay.stop(max(0.0, deadline - time.monotonic()))
        await self._rabbit.stop(max(0.0, deadline - time.monotonic()))

    async def check(self) -> None:
        """Raise when not even the embedded bus can work; that the broker is away does no harm."""
        await self._embedded.check()

    def _is_broker_away(self) -> bool:
        now = time.monotonic()
        if self._rabbit.is_connected:
            self._last_seen = now
        return now - self._last_seen > FALLBACK_AFTER_SECONDS
