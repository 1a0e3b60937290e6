"""Runs a subscription table on RabbitMQ: connects in the background, for ever, and stops with nothing lost.

When a session is lost it is torn down as a whole and a new one begins with declaring the topology, so that a
broker that came back empty is no special case.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity
from yarl import URL

from mediamill_contracts.topology import EVENTS_EXCHANGE
from mediamill_messaging.broadcasts import BroadcastRunner
from mediamill_messaging.errors import BrokerUnavailableError
from mediamill_messaging.rabbitmq.asyncapi import asyncapi_app
from mediamill_messaging.rabbitmq.consumers import build_broker, cancel_consumers
from mediamill_messaging.rabbitmq.dead_letters import DeadLetterCollector
from mediamill_messaging.rabbitmq.incoming import delivery_of
from mediamill_messaging.rabbitmq.publisher import RabbitPublisher
from mediamill_messaging.rabbitmq.retry import Retries
from mediamill_messaging.rabbitmq.session import Session, is_being_cancelled, report
from mediamill_messaging.rabbitmq.topology import Topology
from mediamill_messaging.subscription import BroadcastSubscription, Subscription
from mediamill_messaging.transport import DeadLetterSink

CONNECT_SECONDS = 5.0
"""Time for one attempt to connect."""
ARRIVAL_SECONDS = 0.2
"""For what the last acknowledgements made room for: a replicated queue keeps from a cancelled consumer what
is on its way to it, and counts that as a crash."""
ARRIVAL_ROUNDS = 100
"""Turns of the event loop for what arrived before the cancel was answered: it is counted as running once its
task has begun. A process that gets no processor time would sleep through any time."""
HEARTBEAT_SECONDS = 10
"""Interval of heartbeats; a silent peer is given up after about three of them."""
RECONNECT_PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds between attempts to connect; the last one repeats."""
CANCEL_SECONDS = 2.0
"""Time for the broker to confirm that consumers are cancelled, whatever the grace time."""
HAND_BACK_SECONDS = 2.0
"""Beyond the grace time, for handlers to end that were cancelled, and for their messages to go back."""
WATCH_SECONDS = 10.0
"""Between looks at the broker's list of consumers."""
CANCEL_AGAIN_SECONDS = 0.1
"""Between attempts to end the task that keeps the connection."""
CHECK_SECONDS = 2.0
"""Time for the round trip of a readiness check."""

logger = structlog.get_logger(__name__)


class RabbitTransport:
    """A Transport on RabbitMQ. With `dead_letters` it also empties every dead letter queue into that sink."""

    def __init__(
        self,
        url: str,
        *,
        service: str,
        subscriptions: Sequence[Subscription] = (),
        broadcasts: Sequence[BroadcastSubscription] = (),
        dead_letters: DeadLetterSink | None = None,
    ) -> None:
        self._url = _with_heartbeat(url)
        self._service = service
        self._subscriptions = tuple(subscriptions)
        self._broadcasts = tuple(broadcasts)
        topology = Topology.of(self._subscriptions, self._broadcasts)
        self.publisher = RabbitPublisher(service, topology)
        policies = {item.queue.name: item.retry_policy for item in self._subscriptions}
        self._retries = Retries(self.publisher, policies)
        self._collector = None
        if dead_letters is not None:
            self._collector = DeadLetterCollector(topology.queues.values(), dead_letters)
        self._listeners = [BroadcastRunner(item) for item in self._broadcasts]
        self._session: Session | None = None
        self._ready = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._draining = False

    @property
    def is_connected(self) -> bool:
        """Whether a session is running now."""
        return self._ready.is_set()

    async def start(self) -> None:
        """Begin to connect in the background and return at once."""
        self._draining = False
        for listener in self._listeners:
            listener.start()
        self._keeper = asyncio.create_task(self._keep_connected(), name="rabbitmq")

    async def wait_connected(self) -> None:
        """Wait until the broker is connected and every consumer is running."""
        await self._ready.wait()

    async def drain(self, deadline: float) -> None:
        """Cancel the consumers and wait for running handlers until `deadline` (monotonic seconds).

        Publishing goes on; `stop` ends it.
        """
        self._draining = True
        session = self._session
        if session is None:
            return
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                await session.opened.wait()
                if session.broker is None:
                    return
                with self._retries.answers.withheld():
                    await asyncio.sleep(ARRIVAL_SECONDS)
                    await cancel_consumers(session.broker)
            for _ in range(ARRIVAL_ROUNDS):
                await asyncio.sleep(0)
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await self._retries.drained()
        except TimeoutError:
            logger.warning("handlers did not end in time")
        except Exception:
            logger.exception("consumers could not be cancelled; their messages will be delivered again")

    async def stop(self, grace_seconds: float) -> None:
        """Cancel the consumers, let running handlers end within the grace time, then close.

        What is still running then is cancelled, and its messages go back to their queues, for this service's
        next process or another: untouched, it was nobody's crash.
        """
        deadline = time.monotonic() + grace_seconds
        await self.drain(deadline)
        await self._hand_back()
        for listener in self._listeners:
            await listener.stop(deadline)
        if self._keeper is not None:
            await _cancel(self._keeper)

    async def _hand_back(self) -> None:
        if self._session is None:
            return
        try:
            await self._retries.hand_back(HAND_BACK_SECONDS)
        except TimeoutError:
            logger.warning("cancelled handlers did not end; the broker takes their messages back")

    async def check(self) -> None:
        """Make a round trip to the broker; raise BrokerUnavailableError when there is no answer in time."""
        session = self._session
        if session is None or not self._ready.is_set():
            raise BrokerUnavailableError("not connected to the broker")
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                channel = await session.connection.channel(publisher_confirms=False)
                await channel.close()
        except Exception as error:
            raise BrokerUnavailableError(f"the broker does not answer: {error}") from error

    def asyncapi_app(self) -> Any:
        """Return an ASGI app with the AsyncAPI page of this service, to be mounted."""
        return asyncapi_app(self._service, self._subscriptions, self._broadcasts)

    async def _keep_connected(self) -> None:
        """Hold one session after another, until `stop`: nothing else may end this, since nobody would tell.

        A cancellation that nobody asked for comes from within the client library.
        """
        attempts = 0
        while True:
            try:
                async with self._open_session() as session:
                    attempts = 0
                    report(logger.info, "connected to the broker")
                    await session.lost.wait()
                report(logger.warning, "connection to the broker was lost")
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - any reason is one to try again
                if is_being_cancelled():
                    return
                report(logger.warning, "broker is not reachable", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(RECONNECT_PAUSES[min(attempts, len(RECONNECT_PAUSES) - 1)])
            attempts += 1

    @asynccontextmanager
    async def _open_session(self) -> AsyncIterator[Session]:
        connection = await aio_pika.connect(
            self._url, timeout=CONNECT_SECONDS, client_properties={"connection_name": self._service}
        )
        session = self._session = Session(connection)
        try:
            self.publisher.attach(connection)
            await self.publisher.open()
            await self._start_consumers(session)
            if self._collector is not None:
                await self._collector.start(connection)
            session.opened.set()
            self._ready.set()
            watch = asyncio.create_task(self._watch_consumers(session), name="rabbitmq-consumers")
            watch.add_done_callback(session.end)
            try:
                yield session
            finally:
                watch.cancel()
        finally:
            self._ready.clear()
            self._session = None
            self.publisher.detach()
            await session.close()

    async def _start_consumers(self, session: Session) -> None:
        for listener in self._listeners:
            await _listen(session.connection, listener)
        if not self._subscriptions or self._draining:
            return
        session.broker = build_broker(self._url, self._service, self._subscriptions, self._retries)
        session.watch(await session.broker.connect())
        await session.broker.start()

    async def _watch_consumers(self, session: Session) -> None:
        """Return when the broker has lost a consumer, as with a deleted queue: it does not tell by itself."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    orphan = await self._queue_without_consumer(session)
            except (TimeoutError, AMQPError) as error:
                logger.debug("consumers could not be checked", error=repr(error))
                continue
            if orphan is not None and not self._draining:
                logger.warning("the broker has lost a consumer; connecting again", queue=orphan)
                return

    async def _queue_without_consumer(self, session: Session) -> str | None:
        """Return the name of a subscribed queue that is gone or that nobody consumes, or None."""
        channel = await session.connection.channel(publisher_confirms=False)
        try:
            for subscription in self._subscriptions:
                name = subscription.queue.name
                try:
                    queue = await channel.declare_queue(name, passive=True)
                except ChannelNotFoundEntity:
                    return name
                if queue.declaration_result.consumer_count == 0:
                    return name
        finally:
            await channel.close()
        return None


async def _cancel(task: "asyncio.Task[None]") -> None:
    """Cancel a task until it ends: the client library swallows a cancellation that comes amid connecting."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_AGAIN_SECONDS)


def _with_heartbeat(url: str) -> str:
    """Notice a peer that vanished without a word: the default would take three minutes."""
    parsed = URL(url)
    return str(parsed if "heartbeat" in parsed.query else parsed.update_query(heartbeat=HEARTBEAT_SECONDS))


async def _listen(connection: AbstractConnection, listener: BroadcastRunner) -> None:
    """Bind a queue of this replica's own; it disappears with the connection."""
    channel = await connection.channel()
    queue = await channel.declare_queue(
        f"{listener.broadcast.name}.{uuid4().hex}", exclusive=True, auto_delete=True
    )
    for topic in listener.broadcast.topics:
        await queue.bind(EVENTS_EXCHANGE, topic)

    async def take(message: AbstractIncomingMessage) -> None:
        listener.put(delivery_of(message, listener.broadcast.name), message.body)

    await queue.consume(take, no_ack=True)
