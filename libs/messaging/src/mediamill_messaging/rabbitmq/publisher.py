"""Publishes with confirms, many at once, and knows a lost topology from a wrong key."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import DeliveryError, PublishError
from aiormq.exceptions import ChannelAccessRefused

from mediamill_contracts import Message
from mediamill_messaging.envelope import Envelope, seal
from mediamill_messaging.errors import BrokerRefusedError, BrokerUnavailableError, UnroutableError
from mediamill_messaging.rabbitmq.incoming import event_id_of
from mediamill_messaging.rabbitmq.session import is_being_cancelled
from mediamill_messaging.rabbitmq.topology import Topology

if TYPE_CHECKING:
    from aiormq.channel import Channel

CONFIRM_SECONDS = 10.0
"""Time for one publish, from the call to the broker's confirm, waiting for a connection included."""
RETRY_PAUSE_SECONDS = 0.05
"""Wait before a publish is tried again on a new channel, or after the topology was declared again."""

logger = structlog.get_logger(__name__)


class RabbitPublisher:
    """A Publisher on a channel of its own, so that a failed publish harms no consumer.

    Safe for concurrent use: publishes share the channel and their confirms arrive together.
    """

    def __init__(self, service: str, topology: Topology) -> None:
        self._service = service
        self._topology = topology
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._news: AbstractChannel | None = None
        self._attached = asyncio.Event()
        self._opening = asyncio.Lock()
        self._declared = 0

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to publish on now."""
        return self._attached.is_set()

    async def wait_connected(self) -> None:
        """Wait until there is a connection to publish on."""
        await self._attached.wait()

    def attach(self, connection: AbstractConnection) -> None:
        """Publish on this connection from now on."""
        self._connection, self._channel, self._news = connection, None, None
        self._attached.set()

    def detach(self) -> None:
        """Forget a connection that is gone; publishes wait for the next one."""
        self._attached.clear()
        self._connection = self._channel = self._news = None

    async def publish(self, message: Message) -> None:
        """Publish an event and wait for the confirm.

        Raises UnroutableError, BrokerUnavailableError, or PermanentError(`message_too_large`).
        """
        await self.send(seal(message))

    async def send(self, envelope: Envelope) -> None:
        """Publish a sealed message and wait for the confirm; raises as `publish` does."""
        message = self._message(envelope, aio_pika.DeliveryMode.PERSISTENT)
        await self._send(message, envelope.exchange, envelope.routing_key)

    async def announce(self, message: Message) -> None:
        """Tell whoever listens now; raises BrokerUnavailableError when there is no connection."""
        await self.tell(seal(message))

    async def tell(self, envelope: Envelope) -> None:
        """Announce a sealed message; raises as `announce` does."""
        message = self._message(envelope, aio_pika.DeliveryMode.NOT_PERSISTENT)
        channel = await self._open_news()
        with _channel_loss():
            await _write(channel, message, envelope.exchange, envelope.routing_key, mandatory=False)

    async def forward(
        self, original: AbstractIncomingMessage, exchange: str, routing_key: str, headers: Mapping[str, Any]
    ) -> None:
        """Publish a copy of a received message under new headers; raises as `publish` does."""
        copy = aio_pika.Message(
            original.body,
            headers=dict(headers),
            content_type=original.content_type,
            content_encoding=original.content_encoding,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=event_id_of(original),
            correlation_id=original.correlation_id,
            type=original.type,
            timestamp=original.timestamp,
            app_id=original.app_id,
        )
        await self._send(copy, exchange, routing_key)

    async def open(self) -> None:
        """Open the channel and declare the topology; raises BrokerUnavailableError."""
        await self._open_channel()

    async def _send(self, message: aio_pika.Message, exchange: str, routing_key: str) -> None:
        """Try until the confirm, over as many channels and connections as come and go meanwhile."""
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                while True:
                    if await self._is_sent(message, exchange, routing_key):
                        return
                    await asyncio.sleep(RETRY_PAUSE_SECONDS)
        except TimeoutError as error:
            raise BrokerUnavailableError(f"no confirm within {CONFIRM_SECONDS:.0f} s") from error

    async def _is_sent(self, message: aio_pika.Message, exchange: str, routing_key: str) -> bool:
        declared = self._declared
        try:
            await self._try(message, exchange, routing_key)
        except _LostTopologyError:
            with suppress(_ChannelLostError):
                await self._redeclare(declared)
            return False
        except _ChannelLostError:
            return False
        return True

    async def _try(self, message: aio_pika.Message, exchange: str, routing_key: str) -> None:
        channel = await self._open_channel()
        try:
            with _channel_loss():
                await _write(channel, message, exchange, routing_key, mandatory=True)
        except PublishError as error:
            self._judge_return(exchange, routing_key, error)
        except DeliveryError as error:
            raise BrokerRefusedError("the broker refused the message; a queue may be full") from error

    def _judge_return(self, exchange: str, routing_key: str, error: PublishError) -> None:
        """Decide what it means that no queue took the message."""
        if self._topology.reaches_a_queue(exchange, routing_key):
            raise _LostTopologyError("the broker has lost its queues") from error
        if not self._topology.is_broadcast(routing_key):
            raise UnroutableError(routing_key) from error

    def _message(self, envelope: Envelope, mode: aio_pika.DeliveryMode) -> aio_pika.Message:
        return aio_pika.Message(
            envelope.payload,
            headers=dict(envelope.headers),
            content_type="application/json",
            delivery_mode=mode,
            message_id=envelope.event_id,
            correlation_id=envelope.event_id,
            type=envelope.type,
            timestamp=datetime.now(UTC),
            app_id=self._service,
        )

    async def _open_news(self) -> AbstractChannel:
        """Return the channel of announcements, which has no confirms and declares nothing."""
        if self._news is None or self._news.is_closed:
            async with self._opening:
                if self._connection is None:
                    raise _ChannelLostError("there is no connection")
                if self._news is None or self._news.is_closed:
                    with _channel_loss():
                        self._news = await self._connection.channel(publisher_confirms=False)
        return self._news

    async def _open_channel(self) -> AbstractChannel:
        await self._attached.wait()
        if self._channel is not None and not self._channel.is_closed:
            return self._channel
        async with self._opening:
            if self._channel is not None and not self._channel.is_closed:
                return self._channel
            if self._connection is None:
                raise _ChannelLostError("the connection is gone")
            with _channel_loss():
                await self._see_to_topology(self._connection)
                channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
            self._channel = channel
            self._declared += 1
            return channel

    async def _redeclare(self, declared: int) -> None:
        """Declare the topology again, unless another publish has done so since `declared`."""
        async with self._opening:
            if self._declared != declared or self._connection is None:
                return
            logger.warning("topology is missing on the broker; declaring it again")
            with _channel_loss():
                await self._see_to_topology(self._connection)
            self._declared += 1

    async def _see_to_topology(self, connection: AbstractConnection) -> None:
        """Declare the topology, or make sure that it is there when this user may not declare it."""
        try:
            async with connection.channel(publisher_confirms=False) as channel:
                await self._topology.declare(channel)
        except ChannelAccessRefused:
            async with connection.channel(publisher_confirms=False) as channel:
                await self._topology.verify(channel)


async def _write(
    channel: AbstractChannel, message: aio_pika.Message, exchange: str, routing_key: str, *, mandatory: bool
) -> None:
    """Publish, and wait for the confirm where the channel has confirms.

    The channel's lock is not held until the bytes are out, so that publishes do not queue behind each other.
    """
    underlay = cast("Channel", await channel.get_underlay_channel())  # the abstract class lacks `wait`
    await underlay.basic_publish(
        message.body,
        exchange=exchange,
        routing_key=routing_key,
        properties=message.properties,
        mandatory=mandatory,
        wait=False,
    )


class _ChannelLostError(BrokerUnavailableError):
    """The channel ended under a publish; a new one may do better."""


class _LostTopologyError(BrokerUnavailableError):
    """A planned queue was not there."""


@contextmanager
def _channel_loss() -> Iterator[None]:
    """Turn the many faces of a lost channel into one error.

    aiormq rejects what waits on a closing channel with AMQP errors, plain exceptions or even CancelledError.
    """
    try:
        yield
    except (DeliveryError, ValueError, TypeError):
        raise
    except asyncio.CancelledError as error:
        if is_being_cancelled():
            raise
        raise _ChannelLostError("the channel was closed") from error
    except Exception as error:
        raise _ChannelLostError(f"{type(error).__name__}: {error}") from error
