"""Declares the whole topology, the same from every service and as often as needed.

A message published before its consumer's queue exists would vanish, so each service declares everything at
start and again when it finds the broker wiped. This is done on a raw channel: FastStream would bind the
queues to its default channel and lose their prefetch counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractExchange

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

DEAD_LETTER_DELIVERY_LIMIT = 1_000_000
"""Dead letters wait for a sink that may be down for long; RabbitMQ 4 would drop them after 20 deliveries."""


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

    async def declare(self, channel: AbstractChannel) -> None:
        """Create what is missing; raises when something is there with other properties."""
        events = await channel.declare_exchange(EVENTS_EXCHANGE, "topic", durable=True)
        dead_letters = await channel.declare_exchange(DEAD_LETTER_EXCHANGE, "direct", durable=True)
        for delay in sorted(self.delays):
            await _declare_delay(channel, delay)
        for queue in self.queues.values():
            await _declare_work_queue(channel, queue, events, dead_letters)


async def _declare_delay(channel: AbstractChannel, seconds: float) -> None:
    """Declare one shared waiting room.

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
    queue = await channel.declare_queue(name, durable=True, arguments=arguments)
    await queue.bind(await channel.declare_exchange(name, "fanout", durable=True))


async def _declare_work_queue(
    channel: AbstractChannel, queue: Queue, events: AbstractExchange, dead_letters: AbstractExchange
) -> None:
    declared = await channel.declare_queue(queue.name, durable=True, arguments=_work_arguments(queue))
    for topic in queue.topics:
        await declared.bind(events, topic)
    letters = await channel.declare_queue(
        queue.dead_letter_name,
        durable=True,
        arguments={"x-queue-type": "quorum", "x-delivery-limit": DEAD_LETTER_DELIVERY_LIMIT},
    )
    await letters.bind(dead_letters, queue.name)


def _work_arguments(queue: Queue) -> dict[str, Any]:
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
    return arguments
