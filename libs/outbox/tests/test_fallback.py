"""One process that holds the whole system goes on while its broker is away, and nothing goes both ways."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
from sqlalchemy import select, update

from mediamill_database import Database
from mediamill_outbox import emit, rabbit
from mediamill_outbox.rabbit import RabbitWithFallback
from mediamill_outbox.tables import outbox
from mediamill_testing.conformance_messages import Recorder, Sample, queue
from mediamill_testing.tcp_proxy import TcpProxy
from mediamill_testing.waiting import eventually

RECONNECT_SECONDS = 60.0


@pytest.fixture
async def database(migrated_sqlite_url: str) -> AsyncIterator[Database]:
    """Give the database of a standalone installation."""
    database = Database(migrated_sqlite_url)
    yield database
    await database.close()


async def test_work_goes_on_without_the_broker_and_returns_to_it(
    database: Database, rabbitmq_proxy: TcpProxy
) -> None:
    """Messages take the broker while it is there, the embedded bus while it is not, and each only one way."""
    recorder = Recorder()
    bus = RabbitWithFallback(
        database, rabbitmq_proxy.url, service="standalone", subscriptions=[recorder.on(queue("both"))]
    )
    await bus.start()
    await eventually(lambda: bus.is_connected, RECONNECT_SECONDS)
    await bus.publisher.publish(Sample(topic="both", number=1))
    await eventually(lambda: recorder.numbers == [1])
    rabbitmq_proxy.go_away()
    await eventually(lambda: not bus.is_connected)
    await bus.publisher.publish(Sample(topic="both", number=2))
    await eventually(lambda: recorder.numbers == [1, 2])
    await bus.check()
    rabbitmq_proxy.come_back()
    await eventually(lambda: bus.is_connected, RECONNECT_SECONDS)
    await bus.publisher.publish(Sample(topic="both", number=3))
    await eventually(lambda: recorder.numbers == [1, 2, 3])
    await bus.stop(5)
    ways = [delivery.transport for _, delivery in recorder.seen]
    assert ways == ["rabbitmq", "embedded", "rabbitmq"]


async def test_a_row_that_may_have_reached_the_broker_waits_for_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded bus leaves a marked row alone, and takes the unmarked one beside it."""
    monkeypatch.setattr(rabbit, "FALLBACK_AFTER_SECONDS", 0.0)
    recorder = Recorder()
    async with database.write() as session:
        await emit(session, Sample(topic="marked", number=1))
        await session.execute(update(outbox).values(to_broker=True))
        await emit(session, Sample(topic="marked", number=2))
    bus = RabbitWithFallback(
        database, "amqp://127.0.0.1:1/", service="standalone", subscriptions=[recorder.on(queue("marked"))]
    )
    await bus.start()
    await eventually(lambda: recorder.numbers == [2])
    await bus.stop(5)
    async with database.read() as session:
        assert len((await session.execute(select(outbox))).all()) == 1


async def test_a_broker_that_comes_and_goes_doubles_nothing(
    database: Database, rabbitmq_proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages sent while the broker comes and goes are each handled, and none by both ways."""
    monkeypatch.setattr(rabbit, "FALLBACK_AFTER_SECONDS", 0.2)
    recorder = Recorder()
    bus = RabbitWithFallback(
        database, rabbitmq_proxy.url, service="standalone", subscriptions=[recorder.on(queue("flap"))]
    )
    await bus.start()
    await eventually(lambda: bus.is_connected, RECONNECT_SECONDS)
    number = 0

    async def publish_until(found: Callable[[], bool]) -> None:
        nonlocal number
        async with asyncio.timeout(RECONNECT_SECONDS):
            while not found():
                await bus.publisher.publish(Sample(topic="flap", number=number))
                number += 1
                await asyncio.sleep(0.02)

    for way, change in (
        ("rabbitmq", rabbitmq_proxy.go_away),
        ("embedded", rabbitmq_proxy.come_back),
        ("rabbitmq", rabbitmq_proxy.go_away),
        ("embedded", rabbitmq_proxy.come_back),
    ):
        since = number
        await publish_until(partial(_has_gone, recorder, way, since))
        change()
    await eventually(lambda: set(recorder.numbers) == set(range(number)), RECONNECT_SECONDS)
    await bus.stop(5)
    ways: dict[int, set[str]] = {}
    for message, delivery in recorder.seen:
        ways.setdefault(message.number, set()).add(delivery.transport)
    assert all(len(way) == 1 for way in ways.values())
    taken = Counter(way for item in ways.values() for way in item)
    assert taken.keys() == {"rabbitmq", "embedded"}


def _has_gone(recorder: Recorder, way: str, since: int) -> bool:
    """Tell whether a message of this number or a later one was handled by this way."""
    return any(message.number >= since and delivery.transport == way for message, delivery in recorder.seen)
