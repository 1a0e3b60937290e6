"""Connections come and go; what was published and what was running is not lost with them."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from mediamill_contracts.topology import Broadcast, RetryPolicy
from mediamill_messaging.errors import BrokerUnavailableError
from mediamill_messaging.rabbitmq import RabbitTransport
from mediamill_messaging.rabbitmq import transport as transport_module
from mediamill_messaging.rabbitmq.dead_letters import DeadLetterCollector
from mediamill_messaging.subscription import BroadcastSubscription, route
from mediamill_messaging.transport import DeadLetter
from mediamill_testing.conformance_messages import Recorder, Sample, queue
from mediamill_testing.ports import free_port
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.tcp_proxy import TcpProxy
from mediamill_testing.waiting import eventually

Connect = Callable[..., Awaitable[RabbitTransport]]
RECONNECT_SECONDS = 60.0


async def test_start_does_not_wait_for_the_broker() -> None:
    """A service starts while the broker is down, and says that it is not ready."""
    table = [Recorder().on(queue("a"))]
    url = f"amqp://guest:guest@127.0.0.1:{free_port()}/"
    transport = RabbitTransport(url, service="test", subscriptions=table)
    await transport.start()
    assert not transport.is_connected
    with pytest.raises(BrokerUnavailableError):
        await transport.check()
    await transport.stop(1)


async def test_stop_ends_at_any_moment_of_connecting() -> None:
    """A transport that has no broker stops at once, whatever the attempt to connect is doing."""
    url = f"amqp://guest:guest@127.0.0.1:{free_port()}/"
    transports = [RabbitTransport(url, service="test") for _ in range(60)]
    for transport in transports:
        await transport.start()
    async with asyncio.timeout(60):
        for transport in transports:
            await transport.stop(1)


async def test_nothing_ends_the_connecting(rabbitmq_vhost_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of any kind, a stray cancellation and a log that fails are followed by one more attempt."""
    failures = [OSError("refused"), RuntimeError("a defect"), asyncio.CancelledError("not ours")]
    really_connect = aio_pika.connect

    async def connect_at_last(*arguments: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop(0)
        return await really_connect(*arguments, **options)

    def fail(*_: object, **__: object) -> None:
        raise ValueError("I/O operation on closed file")

    monkeypatch.setattr(aio_pika, "connect", connect_at_last)
    monkeypatch.setattr(transport_module, "logger", SimpleNamespace(debug=fail, info=fail, warning=fail))
    transport = RabbitTransport(rabbitmq_vhost_url, service="test")
    await transport.start()
    async with asyncio.timeout(RECONNECT_SECONDS):
        await transport.wait_connected()
        await transport.check()
        await transport.stop(1)
    assert not failures


async def test_a_lost_connection_is_survived(rabbitmq_proxy: TcpProxy) -> None:
    """Consumers and publisher come back by themselves; a handler that was cut off gets its message again."""
    recorder, listener = Recorder(), Recorder()
    stream = Broadcast("lost", "test", ("conformance.lost",))
    recorder.gate.clear()
    transport = RabbitTransport(
        rabbitmq_proxy.url,
        service="test",
        subscriptions=[recorder.on(queue("lost"))],
        broadcasts=[BroadcastSubscription(stream, (route(Sample, listener.handle),))],
    )
    await transport.start()
    await transport.wait_connected()
    await transport.publisher.publish(Sample(topic="lost", number=1))
    await eventually(lambda: recorder.running == 1 and listener.numbers == [1])
    rabbitmq_proxy.go_away()
    await eventually(lambda: not transport.is_connected)
    with pytest.raises(BrokerUnavailableError):
        await transport.check()
    recorder.gate.set()
    rabbitmq_proxy.come_back()
    await eventually(lambda: transport.is_connected, RECONNECT_SECONDS)
    await transport.publisher.publish(Sample(topic="lost", number=2))
    await eventually(lambda: set(recorder.numbers) == {1, 2}, RECONNECT_SECONDS)
    await eventually(lambda: listener.numbers == [1, 2])
    await transport.check()
    await transport.stop(5)


async def test_a_stop_amid_the_start_lets_handlers_end(
    connect: Connect, rabbitmq_vhost_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Handlers of a queue that is consumed already end in peace while others are still being set up."""
    recorder, set_up = Recorder(), asyncio.Event()
    recorder.gate.clear()
    table = [recorder.on(queue("early"))]
    first = await connect(subscriptions=table)
    await first.drain(time.monotonic())
    await first.publisher.publish(Sample(topic="early", number=1))

    async def start_slowly(*_: object) -> None:
        await set_up.wait()

    async def sink(_letter: DeadLetter) -> None:
        raise AssertionError

    monkeypatch.setattr(DeadLetterCollector, "start", start_slowly)
    second = RabbitTransport(rabbitmq_vhost_url, service="test", subscriptions=table, dead_letters=sink)
    await second.start()
    await eventually(lambda: recorder.running == 1)
    assert not second.is_connected
    stopping = asyncio.create_task(second.stop(30))
    set_up.set()
    await eventually(lambda: second.is_connected)
    recorder.gate.set()
    await stopping
    assert recorder.numbers == [1]


async def test_a_wiped_broker_gets_its_topology_back(
    connect: Connect, rabbitmq: RabbitServer, rabbitmq_vhost_url: str
) -> None:
    """Everything is declared again on a broker that came back empty."""
    recorder = Recorder()
    transport = await connect(subscriptions=[recorder.on(queue("wiped"))])
    vhost = urlsplit(rabbitmq_vhost_url).path[1:]
    rabbitmq.management("DELETE", f"/api/vhosts/{vhost}")
    await eventually(lambda: not transport.is_connected)
    rabbitmq.management("PUT", f"/api/vhosts/{vhost}")
    await eventually(lambda: transport.is_connected, RECONNECT_SECONDS)
    await transport.publisher.publish(Sample(topic="wiped"))
    await eventually(lambda: recorder.seen)


async def test_a_lost_consumer_is_noticed(
    connect: Connect, rabbitmq: RabbitServer, rabbitmq_vhost_url: str
) -> None:
    """A queue deleted under its consumer is there and consumed again, though nobody publishes to it."""
    subscription = Recorder().on(queue("orphan"))
    await connect(subscriptions=[subscription])
    path = f"/api/queues/{urlsplit(rabbitmq_vhost_url).path[1:]}/{subscription.queue.name}"
    rabbitmq.management("DELETE", path)

    async def is_consumed() -> bool:
        connection = await aio_pika.connect(rabbitmq_vhost_url)
        async with connection:
            channel = await connection.channel()
            try:
                found = await channel.declare_queue(subscription.queue.name, passive=True)
            except aio_pika.exceptions.ChannelNotFoundEntity:
                return False
        return bool(found.declaration_result.consumer_count)

    await eventually(is_consumed, RECONNECT_SECONDS)


async def test_each_replica_gets_each_broadcast(connect: Connect) -> None:
    """Two replicas of a listener both get the whole stream, while work is shared between them."""
    listeners, workers = [Recorder(), Recorder()], [Recorder(), Recorder()]
    stream = Broadcast("news", "test", ("conformance.news",))
    for listener, worker in zip(listeners, workers, strict=True):
        transport = await connect(
            subscriptions=[worker.on(queue("news"), concurrency=1)],
            broadcasts=[BroadcastSubscription(stream, (route(Sample, listener.handle),))],
        )
    for number in range(20):
        await transport.publisher.publish(Sample(topic="news", number=number))
    await eventually(lambda: all(len(listener.seen) == 20 for listener in listeners))
    await eventually(lambda: sum(len(worker.seen) for worker in workers) == 20)
    assert listeners[0].numbers == listeners[1].numbers == list(range(20))
    assert all(worker.seen for worker in workers)


async def test_foreign_bytes_end_among_the_dead_letters(connect: Connect, rabbitmq_vhost_url: str) -> None:
    """A message from a stranger, with no id and no type, is kept with its reason."""
    letters: list[DeadLetter] = []

    async def keep(letter: DeadLetter) -> None:
        letters.append(letter)

    await connect(subscriptions=[Recorder().on(queue("foreign"))], dead_letters=keep)
    await _publish_raw(rabbitmq_vhost_url, "conformance.foreign", b"\x89PNG")
    await eventually(lambda: letters)
    letter = letters[0]
    assert (letter.code, letter.payload) == ("invalid_json", b"\x89PNG")
    assert (letter.queue, letter.routing_key) == ("conformance.foreign", "conformance.foreign")
    assert letter.event_id


async def test_letters_of_the_broker_itself_are_collected(connect: Connect, rabbitmq_vhost_url: str) -> None:
    """A message that the broker gave up by its delivery limit arrives in the sink with that reason."""
    letters: list[DeadLetter] = []

    async def keep(letter: DeadLetter) -> None:
        letters.append(letter)

    work = queue("limit", "limited.topic")
    transport = await connect(subscriptions=[Recorder().on(work)], dead_letters=keep)
    await transport.drain(0)
    await transport.publisher.publish(Sample(topic="limited.topic", number=3))
    connection = await aio_pika.connect(rabbitmq_vhost_url)
    async with connection:
        waiting = await (await connection.channel()).get_queue(work.name)

        async def send_back(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            await message.nack(requeue=True)

        await waiting.consume(send_back)
        await eventually(lambda: letters)
    letter = letters[0]
    assert (letter.code, letter.queue) == ("delivery_limit", work.name)
    assert letter.routing_key == "conformance.limited.topic"
    assert Sample.model_validate_json(letter.payload).number == 3


async def test_a_letter_waits_for_its_sink(connect: Connect) -> None:
    """While the sink fails the letter is held, and it leaves the broker only when the sink has it."""
    tries: list[DeadLetter] = []

    async def keep(letter: DeadLetter) -> None:
        tries.append(letter)
        if len(tries) < 3:
            raise ConnectionError("the database is away")

    recorder = Recorder()
    recorder.failures = [ValueError("no")]
    transport = await connect(subscriptions=[recorder.on(queue("held"))], dead_letters=keep)
    await transport.publisher.publish(Sample(topic="held"))
    await eventually(lambda: len(tries) == 3)
    assert len({letter.event_id for letter in tries}) == 1


async def test_a_retry_outlives_the_process_that_failed(connect: Connect) -> None:
    """The waiting room is in the broker: another process runs the next attempt."""
    first, second = Recorder(), Recorder()
    first.failures = [ValueError("once")]
    work = queue("relay", retry=RetryPolicy(delays=(0.5,)))
    transport = await connect(subscriptions=[first.on(work)])
    await transport.publisher.publish(Sample(topic="relay"))
    await eventually(lambda: first.started == 1 and not first.failures and first.running == 0)
    await transport.stop(5)
    await connect(subscriptions=[second.on(work)])
    await eventually(lambda: second.seen)
    assert second.seen[0][1].attempt == 2


async def test_the_asyncapi_page_names_queues_and_messages(rabbitmq_vhost_url: str) -> None:
    """The page is served without a connection and shows what the service takes."""
    transport = RabbitTransport(
        rabbitmq_vhost_url, service="test", subscriptions=[Recorder().on(queue("shown", "topic.*"))]
    )
    app = Starlette(routes=[Mount("/asyncapi", transport.asyncapi_app())])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        page = await client.get("/asyncapi/")
        document = (await client.get("/asyncapi/asyncapi.json")).json()
    assert page.status_code == 200
    assert "conformance.shown" in page.text
    assert "conformance.sample" in page.text
    assert "Bound to conformance.topic.*." in page.text
    assert not re.search(r"<script|https?://", page.text)
    assert document["asyncapi"].startswith("3.")
    assert "Sample" in str(document["components"]["schemas"])


async def _publish_raw(url: str, routing_key: str, body: bytes) -> None:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("media.events")
        await exchange.publish(aio_pika.Message(body), routing_key)
