"""Empties every dead letter queue into a sink that keeps the letters for good.

They are drained, not browsed: each look at a quorum queue without an answer counts as a delivery. A letter is
acknowledged only after the sink has returned, and while the sink fails it is held, not sent back.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from mediamill_contracts.topology import Queue
from mediamill_messaging.envelope import CODE, ERROR
from mediamill_messaging.pipeline import GIVEN_UP
from mediamill_messaging.rabbitmq.incoming import delivery_of
from mediamill_messaging.transport import DeadLetter, DeadLetterSink

PREFETCH = 20
"""Letters handled at once, over all queues."""
PAUSES = (0.5, 1.0, 2.0, 5.0)
"""Seconds between tries while the sink fails; the last one repeats."""

logger = structlog.get_logger(__name__)


class DeadLetterCollector:
    """Consumes `<queue>.dlq` of each queue."""

    def __init__(self, queues: Iterable[Queue], sink: DeadLetterSink) -> None:
        self._queues = tuple(queues)
        self._sink = sink

    async def start(self, connection: AbstractConnection) -> None:
        """Begin to consume on a channel of its own; it ends with the connection."""
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        for queue in self._queues:
            letters = await channel.get_queue(queue.dead_letter_name, ensure=False)
            await letters.consume(self._consumer(queue.name))

    def _consumer(self, queue: str) -> Any:
        async def take(message: AbstractIncomingMessage) -> None:
            await self._keep(letter_of(message, queue))
            try:
                await message.ack()
            except (AMQPError, ChannelInvalidStateError):
                logger.warning("dead letter was kept but not acknowledged; it comes again", queue=queue)

        return take

    async def _keep(self, letter: DeadLetter) -> None:
        tries = 0
        while True:
            try:
                await self._sink(letter)
            except Exception:
                logger.exception(
                    "dead letter could not be kept", queue=letter.queue, event_id=letter.event_id
                )
                await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
                tries += 1
            else:
                return


def letter_of(message: AbstractIncomingMessage, queue: str) -> DeadLetter:
    """Read a letter, whether our retry middleware wrote it or the broker itself gave the message up."""
    delivery = delivery_of(message, queue)
    headers = delivery.headers
    code, error = headers.get(CODE), str(headers.get(ERROR) or "")
    death = _broker_death(headers, queue)
    if death is not None:
        code = "delivery_limit" if death == "delivery_limit" else f"broker_{death}"
        error = f"the broker gave up: {death}"
        GIVEN_UP.labels(queue, code).inc()
    return DeadLetter(
        queue=queue,
        event_id=delivery.event_id,
        type=delivery.type[:64],
        routing_key=_origin_key(delivery.routing_key, headers, queue)[:255],
        payload=message.body,
        headers=_plain(headers),
        code=str(code or "unexpected_error")[:64],
        error=error,
        failures=delivery.failures,
    )


def _broker_death(headers: Mapping[str, Any], queue: str) -> str | None:
    """Return why the broker moved the message from the work queue, or None when a service did."""
    for death in _deaths(headers):
        if death.get("queue") == queue:
            return str(death.get("reason") or "unknown")
    return None


def _origin_key(routing_key: str, headers: Mapping[str, Any], queue: str) -> str:
    """Undo the broker's rewriting of the key when it dead-letters by itself."""
    if routing_key != queue:
        return routing_key
    for death in _deaths(headers):
        keys = death.get("routing-keys")
        if death.get("queue") == queue and isinstance(keys, list) and keys:
            return str(keys[0])
    return routing_key


def _deaths(headers: Mapping[str, Any]) -> list[dict[str, Any]]:
    deaths = headers.get("x-death")
    return [item for item in deaths if isinstance(item, dict)] if isinstance(deaths, list) else []


def _plain(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what JSON can hold; the broker's own tables are summed up in `code`."""
    return {key: value for key, value in headers.items() if isinstance(value, str | int | bool)}
