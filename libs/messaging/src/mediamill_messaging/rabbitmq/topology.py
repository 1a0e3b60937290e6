"""The whole topology, the same for every service, declared as often as needed.

A message published before its consumer's queue exists would vanish, so each service declares everything at
start and again when it finds the broker wiped. A service whose user may not do that makes sure that somebody
has. This is done on a raw channel: FastStream would bind the queues to its default channel and lose their
prefetch counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aio_pika.abc import AbstractChannel

from mediamill_contracts.topology import (
    BROADCASTS,
    DEAD_LETTER_EXCHANGE,
    DELIVERY_LIMIT,
    EVENTS_EXCHANGE,
    QUEUES,
    Queue,
    delay_name,
)
from mediamill_messaging.subscription import BroadcastSubscription, Subscription, topic_matches

EXCHANGE_KIND = "topic"
DEAD_LETTER_DELIVERY_LIMIT = 1_000_000
"""Dead letters wait for a sink that may be down for long; RabbitMQ 4 would drop them after 20 deliveries."""


@dataclass(frozen=True)
class PlannedQueue:
    """A durable queue, what the broker is told of it, and the keys under which an exchange fills it."""

    name: str
    arguments: dict[str, Any]
    exchange: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Topology:
    """What has to be there: the planned queues, and what this service subscribes to beyond them."""

    queues: dict[str, Queue]
    delays: frozenset[float]
    broadcast_topics: frozenset[str]
    exchanges: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        delays = {delay_name(delay) for delay in self.delays}
        object.__setattr__(self, "exchanges", frozenset({EVENTS_EXCHANGE, DEAD_LETTER_EXCHANGE, "", *delays}))

    @classmethod
    def of(
        cls, subscriptions: Iterable[Subscription], broadcasts: Iterable[BroadcastSubscription]
    ) -> "Topology":
        """Join the planned queues with those of the subscriptions."""
        subscribed = tuple(subscriptions)
        queues = {queue.name: queue for queue in (*QUEUES, *(item.queue for item in subscribed))}
        policies = [queue.retry for queue in queues.values()] + [item.retry_policy for item in subscribed]
        listeners = (*BROADCASTS, *(item.broadcast for item in broadcasts))
        return cls(
            queues=queues,
            delays=frozenset(delay for policy in policies for delay in policy.delays),
            broadcast_topics=frozenset(topic for listener in listeners for topic in listener.topics),
        )

    def reaches_a_queue(self, exchange: str, routing_key: str) -> bool:
        """Tell whether a declared queue takes what is published there."""
        if exchange == EVENTS_EXCHANGE:
            return any(
                topic_matches(topic, routing_key) for queue in self.queues.values() for topic in queue.topics
            )
        return exchange in self.exchanges and routing_key in self.queues

    def is_broadcast(self, routing_key: str) -> bool:
        """Tell whether listeners may exist for the key; that nobody listens just now is fine."""
        return any(topic_matches(topic, routing_key) for topic in self.broadcast_topics)

    def planned_exchanges(self) -> list[str]:
        """Return the names of all exchanges.

        They are topic exchanges, also where a simpler kind would route as well: of these alone RabbitMQ says
        who may publish under which key.
        """
        return [EVENTS_EXCHANGE, DEAD_LETTER_EXCHANGE, *map(delay_name, sorted(self.delays))]

    def planned_queues(self) -> list[PlannedQueue]:
        """Return all durable queues, whoever consumes them."""
        plan = [_delay_queue(delay) for delay in sorted(self.delays)]
        for queue in self.queues.values():
            plan += [_work_queue(queue), _dead_letter_queue(queue)]
        return plan

    async def declare(self, channel: AbstractChannel) -> None:
        """Create what is missing; raises when something is there with other properties, or forbidden."""
        exchanges = {
            name: await channel.declare_exchange(name, EXCHANGE_KIND, durable=True)
            for name in self.planned_exchanges()
        }
        for planned in self.planned_queues():
            queue = await channel.declare_queue(planned.name, durable=True, arguments=planned.arguments)
            for key in planned.keys:
                await queue.bind(exchanges[planned.exchange], key)

    async def verify(self, channel: AbstractChannel) -> None:
        """Raise unless all is there: for a user who may not create it. How it is made is not looked at."""
        for name in self.planned_exchanges():
            await channel.declare_exchange(name, passive=True)
        for planned in self.planned_queues():
            await channel.declare_queue(planned.name, passive=True)


def _delay_queue(seconds: float) -> PlannedQueue:
    """Plan one shared waiting room.

    The expired message goes through the default exchange under its unchanged routing key, the name of the
    work queue that failed: back to that one queue only.
    """
    name = delay_name(seconds)
    arguments: dict[str, Any] = {
        "x-queue-type": "quorum",
        "x-message-ttl": int(seconds * 1000),
        "x-dead-letter-exchange": "",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    return PlannedQueue(name, arguments, exchange=name, keys=("#",))


def _work_queue(queue: Queue) -> PlannedQueue:
    arguments: dict[str, Any] = {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": DEAD_LETTER_EXCHANGE,
        "x-dead-letter-routing-key": queue.name,
        "x-dead-letter-strategy": "at-least-once",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-overflow": "reject-publish",  # without it, at-least-once silently becomes at-most-once
    }
    if queue.consumer_timeout_ms is not None:
        arguments["x-consumer-timeout"] = queue.consumer_timeout_ms
    return PlannedQueue(queue.name, arguments, exchange=EVENTS_EXCHANGE, keys=queue.topics)


def _dead_letter_queue(queue: Queue) -> PlannedQueue:
    arguments: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": DEAD_LETTER_DELIVERY_LIMIT}
    return PlannedQueue(queue.dead_letter_name, arguments, exchange=DEAD_LETTER_EXCHANGE, keys=(queue.name,))
