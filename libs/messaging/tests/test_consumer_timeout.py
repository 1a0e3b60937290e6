"""A broker that waits less long for an answer than a handler takes: nothing is done twice at a time."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import pytest

from mediamill_messaging.rabbitmq import RabbitTransport
from mediamill_testing.conformance_messages import Recorder, Sample, queue
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.waiting import eventually

TIMEOUT_MS = 1_000
SECONDS = 60.0


@pytest.fixture(scope="module")
def impatient_broker() -> Iterator[RabbitServer]:
    """Give a broker whose time for an answer is not 30 minutes but a second."""
    with closing(RabbitServer(consumer_timeout_ms=TIMEOUT_MS)) as server:
        server.start()
        yield server


@pytest.fixture
async def recorder(impatient_broker: RabbitServer) -> AsyncIterator[Recorder]:
    """Give a handler that waits, which two replicas run, and which has one message in hand."""
    recorder, work = Recorder(), queue("slow", concurrency=1)
    recorder.gate.clear()
    replicas = [
        RabbitTransport(impatient_broker.url, service="test", subscriptions=[recorder.on(work)])
        for _ in range(2)
    ]
    for replica in replicas:
        await replica.start()
        await replica.wait_connected()
    await replicas[0].publisher.publish(Sample(topic="slow"))
    yield recorder
    for replica in replicas:
        await replica.stop(5)


async def test_what_takes_too_long_is_stopped_before_it_begins_again(recorder: Recorder) -> None:
    """The broker takes the message away and gives it out again, once the first handler has been cancelled.

    That counts as a crash, so it does not go on for ever; and the replica that was too slow goes on working.
    """
    await eventually(lambda: recorder.started == 3, SECONDS)
    assert (recorder.most_running, recorder.running) == (1, 1)
    recorder.gate.set()
    await eventually(lambda: bool(recorder.seen), SECONDS)
    ((_, delivery),) = recorder.seen
    assert delivery.crashes == recorder.started - 1
    assert recorder.most_running == 1
