"""The AsyncAPI page of a service, made from the same subscription table that it runs.

It is built on a broker that never connects: the running one takes bytes without types, for speed.
"""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

from faststream.rabbit import ExchangeType, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.specification import AsyncAPI

from mediamill_contracts.topology import EVENTS_EXCHANGE
from mediamill_messaging.subscription import BroadcastSubscription, Route, Subscription


def specification(
    service: str, subscriptions: Iterable[Subscription], broadcasts: Iterable[BroadcastSubscription]
) -> AsyncAPI:
    """Describe each queue, the topics bound to it and the messages it takes."""
    broker = RabbitBroker("amqp://broker", logger=None)
    for item in subscriptions:
        _describe(broker, item.queue.name, item.queue.topics, item.routes)
    for listener in broadcasts:
        _describe(broker, listener.broadcast.name, listener.broadcast.topics, listener.routes)
    return AsyncAPI(broker, title=f"Mediamill {service}", version="1")


def _describe(broker: RabbitBroker, name: str, topics: tuple[str, ...], routes: tuple[Route, ...]) -> None:
    async def consume(body: Any) -> None:  # noqa: ARG001 - only its annotation is read
        return None

    consume.__annotations__["body"] = reduce(or_, (item.model for item in routes))
    broker.subscriber(
        RabbitQueue(name, routing_key=topics[0]),
        RabbitExchange(EVENTS_EXCHANGE, type=ExchangeType.TOPIC, durable=True),
        title=name,
        description=f"Bound to {', '.join(topics)}.",
    )(consume)
