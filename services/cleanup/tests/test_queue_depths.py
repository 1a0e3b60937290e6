"""Depths come from whatever carries the messages: a real broker, or the tables of the embedded bus."""

import aio_pika
import pytest

from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaFailed
from mediamill_contracts.topology import PROCESSOR_IMAGES
from mediamill_messaging.errors import BrokerUnavailableError
from mediamill_messaging.rabbitmq import RabbitTransport
from mediamill_messaging.rabbitmq.depths import queue_depths
from mediamill_messaging.subscription import Delivery, Subscription, route
from mediamill_outbox import EmbeddedBus, emit
from mediamill_outbox.depths import embedded_depths
from mediamill_testing.waiting import eventually

from .conftest import Bench


async def test_the_broker_tells_how_many_wait(rabbitmq_vhost_url: str) -> None:
    """Messages that wait are counted, in work queues and in those of dead letters."""
    assert await queue_depths(rabbitmq_vhost_url) == {}
    transport = RabbitTransport(rabbitmq_vhost_url, service="tests")
    await transport.start()
    await transport.wait_connected()
    await transport.stop(1)
    async with await aio_pika.connect(rabbitmq_vhost_url) as connection:
        channel = await connection.channel()
        for queue, number in ((PROCESSOR_IMAGES.name, 3), (PROCESSOR_IMAGES.dead_letter_name, 2)):
            for _ in range(number):
                await channel.default_exchange.publish(aio_pika.Message(b"{}"), queue)

    async def counted() -> bool:
        depths = await queue_depths(rabbitmq_vhost_url)
        return (depths[PROCESSOR_IMAGES.name], depths[PROCESSOR_IMAGES.dead_letter_name]) == (3, 2)

    await eventually(counted)


async def test_a_broker_that_is_away_is_named() -> None:
    """Not knowing is an error, never a depth of nothing."""
    with pytest.raises(BrokerUnavailableError):
        await queue_depths("amqp://guest:guest@127.0.0.1:1/")


async def test_the_embedded_bus_is_counted_by_its_rows(bench: Bench) -> None:
    """A delivery that waits for another try is waiting; one that is done is gone."""

    async def fail(_message: MediaFailed, _delivery: Delivery) -> None:
        raise OSError("not today")

    subscription = Subscription(PROCESSOR_IMAGES, (route(MediaFailed, fail),))
    bus = EmbeddedBus(bench.database, [subscription])
    assert await _depths(bench) == {}
    await bus.start()
    async with bench.database.write() as session:
        message = MediaFailed(media_id=new_id(), job_id=new_id(), user_id="u", code="x", detail="x")
        await emit(session, message, exchange="", routing_key=PROCESSOR_IMAGES.name)

    async def waiting() -> bool:
        return await _depths(bench) == {PROCESSOR_IMAGES.name: 1}

    await eventually(waiting)
    await bus.stop(1)


async def _depths(bench: Bench) -> dict[str, int]:
    async with bench.database.read() as session:
        return await embedded_depths(session)
