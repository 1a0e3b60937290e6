"""Reads what a received AMQP message says about itself."""

from typing import Any
from uuid import UUID, uuid5

from aio_pika.abc import AbstractIncomingMessage

from mediamill_messaging.envelope import CRASHES, FAILURES, ORIGIN_KEY
from mediamill_messaging.subscription import Delivery

DELIVERY_COUNT = "x-delivery-count"
"""Header that a quorum queue sets: deliveries that came back without an answer."""
_NAMELESS = UUID("0d0c8a4e-54a7-4a49-8f7b-8f6a4ea3c0de")


def event_id_of(message: AbstractIncomingMessage) -> str:
    """Return the event id, at most 36 characters; one made from the bytes for a message that has none."""
    given = message.message_id
    return given if given and len(given) <= 36 else str(uuid5(_NAMELESS, message.body.hex()))


def delivery_of(message: AbstractIncomingMessage, queue: str) -> Delivery:
    """Describe a received message the way handlers see it on every transport."""
    headers = message.headers
    return Delivery(
        queue=queue,
        event_id=event_id_of(message),
        type=message.type or "",
        routing_key=str(headers.get(ORIGIN_KEY) or message.routing_key or ""),
        headers=headers,
        failures=count(headers.get(FAILURES)),
        crashes=count(headers.get(CRASHES)) + count(headers.get(DELIVERY_COUNT)),
        transport="rabbitmq",
    )


def count(value: Any) -> int:
    """Read a counter from a header that anybody may have written."""
    return value if isinstance(value, int) and value > 0 else 0
