"""Turns the outcome of a handler into an answer to the broker; no other code acknowledges work.

The outermost middleware, so that tracing and metrics inside still see the error. A retry is a copy,
published to the shared waiting room for its delay and confirmed before the original is acknowledged: at
every moment the message exists at least once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from aio_pika import IncomingMessage
from faststream import BaseMiddleware, ContextRepo, StreamMessage
from faststream.rabbit.response import RabbitPublishCommand

from mediamill_contracts.topology import DEAD_LETTER_EXCHANGE, RetryPolicy, delay_name
from mediamill_messaging.envelope import CODE, CRASHES, ERROR, FAILED_AT, FAILURES, ORIGIN_KEY, QUEUE
from mediamill_messaging.outcome import Dead, Outcome, Retry, decide
from mediamill_messaging.pipeline import report
from mediamill_messaging.rabbitmq.acknowledgements import Acknowledgements
from mediamill_messaging.rabbitmq.incoming import delivery_of
from mediamill_messaging.rabbitmq.publisher import RabbitPublisher
from mediamill_messaging.subscription import Delivery

NACK_PAUSE_SECONDS = 1.0
"""Wait before a message goes back whose copy could not be published, so that it does not spin."""
BROKER_HEADERS = ("x-death", "x-first-death", "x-last-death", "x-delivery-count", "x-acquired-count")
"""Prefixes of headers that the broker wrote about the original; a copy must not carry them."""

logger = structlog.get_logger(__name__)


class Retries:
    """Makes the middleware of one transport, and knows which deliveries are running."""

    def __init__(self, publisher: RabbitPublisher, policies: Mapping[str, RetryPolicy]) -> None:
        self.publisher = publisher
        self.policies = policies
        self.answers = Acknowledgements()
        self.hands_back = False
        """Whether handlers that are cancelled now are so because the process stops."""
        self._running: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def __call__(self, msg: Any, /, *, context: ContextRepo) -> "RetryMiddleware":
        """Make the middleware of one message, as FastStream asks for it."""
        return RetryMiddleware(msg, context=context, retries=self)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the delivery that the current task runs, until it has its answer."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - deliveries run in tasks
        self._running.add(task)
        self._idle.clear()
        try:
            yield
        finally:
            self._running.discard(task)
            if not self._running:
                self._idle.set()

    async def drained(self) -> None:
        """Wait until no delivery is running."""
        await self._idle.wait()

    async def hand_back(self, seconds: float) -> None:
        """Cancel what is running and send its messages back, as if they had not been delivered.

        Raises TimeoutError when that takes longer: the broker sends back what is left, and counts a crash.
        """
        self.hands_back = True
        try:
            for task in self._running:
                task.cancel()
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        finally:
            self.hands_back = False


class RetryMiddleware(BaseMiddleware[RabbitPublishCommand, Any]):
    """Answers the broker for one delivery."""

    def __init__(self, msg: IncomingMessage, /, *, context: ContextRepo, retries: Retries) -> None:
        super().__init__(msg, context=context)
        self._retries = retries

    async def consume_scope(
        self, call_next: Callable[[Any], Awaitable[Any]], msg: StreamMessage[IncomingMessage]
    ) -> None:
        """Run the handler, then acknowledge, or hand the message on and acknowledge.

        When the connection is lost the handler is cancelled; the broker delivers the message again.
        """
        with self._retries.counted():
            try:
                await call_next(msg)
            except Exception as error:  # noqa: BLE001 - decide() judges whatever it is, report() logs it
                await self._hand_on(msg, error)
            except asyncio.CancelledError:
                if not self._retries.hands_back:
                    raise
                await self._hand_back(msg)
            else:
                await self._retries.answers.acknowledge(msg.raw_message)

    async def _hand_on(self, msg: StreamMessage[IncomingMessage], error: Exception) -> None:
        queue: str = self.context.get_local("handler_").queue.name
        policy = self._retries.policies[queue]
        delivery = delivery_of(msg.raw_message, queue)
        outcome = decide(error, policy, delivery.failures)
        report(delivery, outcome, error)
        exchange = delay_name(outcome.delay) if isinstance(outcome, Retry) else DEAD_LETTER_EXCHANGE
        await self._replace(msg, exchange, delivery, _headers_after(delivery, outcome))

    async def _hand_back(self, msg: StreamMessage[IncomingMessage]) -> None:
        """Send the message back by the shortest way that a worker may use; the broker would count a crash."""
        queue: str = self.context.get_local("handler_").queue.name
        delays = self._retries.policies[queue].delays
        if not delays:
            raise asyncio.CancelledError
        delivery = delivery_of(msg.raw_message, queue)
        logger.info("process stops; message goes back", queue=queue, event_id=delivery.event_id)
        await self._replace(msg, delay_name(min(delays)), delivery, _kept_headers(delivery))

    async def _replace(
        self,
        msg: StreamMessage[IncomingMessage],
        exchange: str,
        delivery: Delivery,
        headers: Mapping[str, Any],
    ) -> None:
        """Publish a copy to where it is to wait, then acknowledge the original."""
        try:
            await self._retries.publisher.forward(msg.raw_message, exchange, delivery.queue, headers)
        except Exception:
            logger.exception("message could not be handed on; it goes back", event_id=delivery.event_id)
            await asyncio.sleep(NACK_PAUSE_SECONDS)
            await self._retries.answers.send_back(msg.raw_message)
        else:
            await self._retries.answers.acknowledge(msg.raw_message)


def _headers_after(delivery: Delivery, outcome: Outcome) -> dict[str, Any]:
    """Return the headers of the copy of a message that failed."""
    return _kept_headers(delivery) | {
        FAILURES: delivery.failures + (isinstance(outcome, Dead) or outcome.counts),
        CODE: outcome.code,
        ERROR: outcome.error,
        FAILED_AT: int(time.time()),
        QUEUE: delivery.queue,
    }


def _kept_headers(delivery: Delivery) -> dict[str, Any]:
    """Return the headers of every copy: ints and strings only, since AMQP floats lose precision."""
    kept = {key: value for key, value in delivery.headers.items() if not key.startswith(BROKER_HEADERS)}
    return kept | {CRASHES: delivery.crashes, ORIGIN_KEY: delivery.routing_key}
