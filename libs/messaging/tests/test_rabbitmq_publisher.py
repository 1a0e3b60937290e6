"""The publisher tells a lost topology, a lost broker and a wrong key apart."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

import aio_pika
import pytest

from mediamill_contracts.platform import MessageSent
from mediamill_contracts.topology import Queue
from mediamill_messaging.envelope import Envelope
from mediamill_messaging.errors import BrokerUnavailableError, PermanentError, UnroutableError
from mediamill_messaging.rabbitmq import RabbitTransport, publisher
from mediamill_testing.conformance_messages import Recorder, Sample, queue
from mediamill_testing.ports import free_port
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.waiting import eventually

Connect = Callable[..., Awaitable[RabbitTransport]]
WORK = queue("work")


async def test_many_publishes_are_confirmed_together(connect: Connect, rabbitmq_vhost_url: str) -> None:
    """Concurrent publishes all arrive, each message persistent and fully described."""
    transport = await connect(subscriptions=[_bound(WORK)])
    await transport.drain(0)
    await asyncio.gather(
        *(transport.publisher.publish(Sample(topic="work", number=number)) for number in range(300))
    )
    connection = await aio_pika.connect(rabbitmq_vhost_url)
    async with connection:
        channel = await connection.channel()
        waiting = await channel.get_queue(WORK.name)
        assert waiting.declaration_result.message_count == 300
        message = await waiting.get()
    assert (message.type, message.app_id) == (Sample.wire_name, "test")
    assert (message.content_type, message.delivery_mode) == ("application/json", 2)
    assert message.message_id
    assert message.timestamp


async def test_a_key_that_nobody_planned_is_refused(connect: Connect) -> None:
    """A wrong routing key is an error of the sender, at once."""
    transport = await connect()
    with pytest.raises(UnroutableError, match=r"conformance\.nowhere"):
        await transport.publisher.publish(Sample(topic="nowhere"))


async def test_a_broadcast_without_listeners_is_no_error(connect: Connect) -> None:
    """Nobody has to listen to a broadcast, and no replica of the notifier may be running."""
    transport = await connect()
    envelope = Envelope("id", MessageSent.wire_name, MessageSent.wire_name, b"{}")
    await transport.publisher.send(envelope)


async def test_a_deleted_queue_is_declared_again(
    connect: Connect, rabbitmq: RabbitServer, rabbitmq_vhost_url: str
) -> None:
    """A message whose planned queue was lost is not lost with it."""
    transport = await connect(subscriptions=[_bound(WORK)])
    vhost = urlsplit(rabbitmq_vhost_url).path[1:]
    await transport.drain(0)
    rabbitmq.management("DELETE", f"/api/queues/{vhost}/{quote(WORK.name, safe='')}")
    await asyncio.gather(*(transport.publisher.publish(Sample(topic="work")) for _ in range(5)))
    assert await _waiting(rabbitmq_vhost_url) == 5


async def test_a_deleted_exchange_is_declared_again(
    connect: Connect, rabbitmq: RabbitServer, rabbitmq_vhost_url: str
) -> None:
    """Publishing to a lost exchange closes the channel; the publisher opens a new one and goes on."""
    transport = await connect(subscriptions=[_bound(WORK)])
    await transport.drain(0)
    vhost = urlsplit(rabbitmq_vhost_url).path[1:]
    rabbitmq.management("DELETE", f"/api/exchanges/{vhost}/media.events")
    await transport.publisher.publish(Sample(topic="work"))


async def test_a_publish_outlives_its_connection(
    connect: Connect, rabbitmq: RabbitServer, rabbitmq_vhost_url: str
) -> None:
    """Publishes that were cut off in the middle go on by themselves on the next connection."""
    vhost = urlsplit(rabbitmq_vhost_url).path[1:]
    transport = await connect(subscriptions=[_bound(WORK)])
    await transport.drain(time.monotonic() + 5)

    def connections() -> list[str]:
        listed = rabbitmq.management("GET", f"/api/vhosts/{vhost}/connections")
        return [quote(item["name"], safe="") for item in listed]

    names = await eventually(connections)
    burst = asyncio.gather(*(transport.publisher.publish(Sample(topic="work")) for _ in range(100)))
    for name in names or []:
        with suppress(RuntimeError):  # the loss of one connection may have closed the other already
            await asyncio.to_thread(rabbitmq.management, "DELETE", f"/api/connections/{name}")
    await burst
    await transport.publisher.publish(Sample(topic="work"))
    await eventually(lambda: transport.is_connected)
    assert await _waiting(rabbitmq_vhost_url) >= 101


async def test_without_a_broker_the_wait_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A publish that finds no broker fails in time instead of hanging."""
    monkeypatch.setattr(publisher, "CONFIRM_SECONDS", 0.2)
    transport = RabbitTransport(f"amqp://guest:guest@127.0.0.1:{free_port()}/", service="test")
    await transport.start()
    with pytest.raises(BrokerUnavailableError):
        await transport.publisher.publish(Sample())
    await transport.stop(1)


async def test_a_message_with_bytes_in_it_is_refused(connect: Connect) -> None:
    """Above 256 KiB nothing is sent."""
    transport = await connect()
    with pytest.raises(PermanentError, match="message_too_large"):
        await transport.publisher.publish(Sample(topic="x" * 300_000))


async def _waiting(url: str) -> int:
    connection = await aio_pika.connect(url)
    async with connection:
        declared = await (await connection.channel()).get_queue(WORK.name)
        return declared.declaration_result.message_count or 0


def _bound(work: Queue) -> Any:
    return Recorder().on(work)
