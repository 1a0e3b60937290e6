"""What only the embedded bus has to answer for."""

import asyncio

from sqlalchemy import insert, select

from mediamill_contracts.topology import STORAGE_SYNC_TRANSFERS, RetryPolicy
from mediamill_database import Database
from mediamill_messaging.envelope import Envelope
from mediamill_outbox import EmbeddedBus, emit
from mediamill_outbox.emit import enqueue
from mediamill_outbox.tables import embedded_delivery, outbox
from mediamill_testing.conformance_messages import Recorder, Sample, queue
from mediamill_testing.waiting import eventually

QUICK = RetryPolicy(delays=(0.1,))


async def test_a_planned_queue_without_a_consumer_keeps_its_messages(database: Database) -> None:
    """Work for a service that does not run here waits, as it would in a broker."""
    bus = EmbeddedBus(database)
    await bus.start()
    async with database.write() as session:
        await enqueue(session, Envelope("e", "sync.requested", "sync.requested", b"{}"))
    await eventually(lambda: _queues(database))
    await bus.stop(1)
    assert await _queues(database) == [STORAGE_SYNC_TRANSFERS.name]


async def test_a_burst_is_handled_whole(database: Database) -> None:
    """Far more messages than a batch and than places are all handled once."""
    recorder = Recorder()
    bus = EmbeddedBus(database, [recorder.on(queue("burst"), concurrency=16)])
    await bus.start()
    async with database.write() as session:
        for number in range(1000):
            await emit(session, Sample(topic="burst", number=number))
    await eventually(lambda: len(recorder.seen) == 1000)
    await eventually(lambda: _is_idle(database))
    await bus.stop(5)
    assert sorted(recorder.numbers) == list(range(1000))


async def test_a_handler_that_cancels_itself_is_retried(database: Database) -> None:
    """A CancelledError that nobody asked for is a failure like any other, not a stop."""
    recorder = Recorder()
    recorder.failures = [asyncio.CancelledError()]
    bus = EmbeddedBus(database, [recorder.on(queue("inner", retry=QUICK))])
    await bus.start()
    await bus.publisher.publish(Sample(topic="inner"))
    await eventually(lambda: recorder.seen)
    await bus.stop(5)
    assert recorder.seen[0][1].attempt == 2


async def test_two_starts_in_a_row_count_a_crash_once(database: Database) -> None:
    """A delivery found running at boot is due again with one crash more."""
    async with database.write() as session:
        values = {"queue": "conformance.boot", "event_id": "e", "type": Sample.wire_name, "running": True}
        values |= {"routing_key": "conformance.boot", "payload": b"{}", "headers": {}, "available_at": 0.0}
        await session.execute(insert(embedded_delivery).values(values))
    recorder = Recorder()
    bus = EmbeddedBus(database, [recorder.on(queue("boot"))])
    await bus.start()
    await eventually(lambda: recorder.seen)
    await bus.stop(5)
    assert (recorder.seen[0][1].crashes, recorder.seen[0][1].attempt) == (1, 2)


async def _queues(database: Database) -> list[str]:
    async with database.read() as session:
        return list((await session.execute(select(embedded_delivery.c.queue))).scalars())


async def _is_idle(database: Database) -> bool:
    async with database.read() as session:
        rows = (await session.execute(select(outbox.c.id).limit(1))).all()
    return not rows and not await _queues(database)
