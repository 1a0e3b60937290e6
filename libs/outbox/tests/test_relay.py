"""The relay sends each row, survives a broker that is away, and shares the work with its replicas."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_database import Database
from mediamill_messaging.envelope import Envelope
from mediamill_messaging.errors import BrokerRefusedError, BrokerUnavailableError
from mediamill_outbox import Relay, emit
from mediamill_outbox.tables import outbox
from mediamill_testing.conformance_messages import Sample
from mediamill_testing.waiting import eventually


class Target:
    """A broker's publisher that remembers what it was given and fails on demand."""

    def __init__(self) -> None:
        self.sent: list[Envelope] = []
        self.error: Exception | None = None
        self.hang = False
        self.tried = 0
        self._connected = asyncio.Event()
        self._connected.set()

    @property
    def is_connected(self) -> bool:
        """Whether the broker is there."""
        return self._connected.is_set()

    def connect(self, present: bool) -> None:
        """Let the broker come or go."""
        if present:
            self._connected.set()
        else:
            self._connected.clear()

    async def wait_connected(self) -> None:
        """Wait for the broker."""
        await self._connected.wait()

    async def send(self, envelope: Envelope) -> None:
        """Take a message, or fail."""
        self.tried += 1
        if self.hang:
            await asyncio.Event().wait()
        await asyncio.sleep(0.001)
        if self.error is not None:
            raise self.error
        self.sent.append(envelope)


async def test_a_commit_wakes_the_relay(database: Database) -> None:
    """A message leaves right after its commit, and its row is gone."""
    target = Target()
    relay = Relay(database, target)
    await relay.start()
    await _emit(database, 1)
    await eventually(lambda: target.sent)
    await eventually(lambda: _is_empty(database))
    await relay.stop(1)
    assert target.sent[0].type == Sample.wire_name


async def test_nothing_is_tried_while_the_broker_is_away(database: Database) -> None:
    """Rows wait without counting attempts, and all leave once the broker is back."""
    target = Target()
    target.connect(False)
    relay = Relay(database, target)
    await relay.start()
    await _emit(database, 450)
    target.connect(True)
    await eventually(lambda: len(target.sent) == 450)
    await eventually(lambda: _is_empty(database))
    await relay.stop(1)


async def test_a_lost_confirm_is_repeated_at_once(database: Database) -> None:
    """A row that met a dying connection stays due, so that it leaves as soon as the broker is back."""
    target = Target()
    target.error = BrokerUnavailableError("gone")
    relay = Relay(database, target)
    await _emit(database, 1)
    assert await relay.send_batch() == 0
    target.error = None
    assert await relay.send_batch() == 1
    assert len(target.sent) == 1


async def test_a_refused_row_backs_off_alone(database: Database) -> None:
    """A row that the broker refuses waits with its reason, and later rows pass it."""
    target = Target()
    relay = Relay(database, target)
    await _emit(database, 1)
    target.error = BrokerRefusedError("a queue is full")
    assert await relay.send_batch() == 0
    target.error = None
    await _emit(database, 1)
    assert await relay.send_batch() == 1
    async with database.read() as session:
        (row,) = (await session.execute(select(outbox))).all()
    assert row.attempts == 1
    assert "a queue is full" in row.last_error


async def test_stop_sends_what_handlers_left(database: Database) -> None:
    """What was emitted before the stop still leaves within the grace time."""
    target = Target()
    relay = Relay(database, target)
    await relay.start()
    await _emit(database, 3)
    await relay.stop(5)
    assert len(target.sent) == 3


async def test_a_decided_row_is_marked_before_it_is_tried(database: Database) -> None:
    """With an embedded bus beside it, the relay commits the way of a row before the first try."""
    target = Target()
    target.error = BrokerUnavailableError("gone")
    relay = Relay(database, target, decide_durably=True)
    await _emit(database, 1)
    await relay.send_batch()
    async with database.read() as session:
        (row,) = (await session.execute(select(outbox))).all()
    assert row.to_broker is True


async def test_a_row_that_was_taken_is_not_confused_with_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that the embedded bus takes before it is marked is not sent, though another may have its id."""
    target = Target()
    relay = Relay(database, target, decide_durably=True)
    write = database.write
    await _emit(database, 1)

    @asynccontextmanager
    async def write_after_the_bus() -> AsyncIterator[AsyncSession]:
        monkeypatch.undo()
        async with write() as session:
            await session.execute(delete(outbox))
            await emit(session, Sample(number=2))
        async with write() as session:
            yield session

    monkeypatch.setattr(database, "write", write_after_the_bus)
    await relay.send_batch()
    await relay.send_batch()
    assert [b'"number":2' in envelope.payload for envelope in target.sent] == [True]
    assert await _is_empty(database)


async def test_a_refused_message_is_tried_again_from_the_table(database: Database) -> None:
    """A message that was sent from memory and refused counts its tries in its row, and leaves later."""
    target = Target()
    target.error = BrokerRefusedError("a queue is full")
    relay = Relay(database, target)
    await relay.start()
    await _emit(database, 1)
    await eventually(lambda: _tries(database))
    target.error = None
    await eventually(lambda: target.sent)
    await eventually(lambda: _is_empty(database))
    await relay.stop(1)


async def test_rows_that_their_writer_never_sent_are_taken_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another relay leaves fresh rows to the process that wrote them, for a while only."""
    monkeypatch.setattr("mediamill_outbox.relay.HOLD_SECONDS", 2.0)
    stuck, target = Target(), Target()
    stuck.hang = True
    writer, other = Relay(database, stuck), Relay(database, target)
    await writer.start()
    await _emit(database, 1)
    assert await other.send_batch() == 0
    await eventually(other.send_batch)
    assert len(target.sent) == 1
    await writer.stop(0)


async def test_what_a_savepoint_took_back_is_not_sent(database: Database) -> None:
    """An event of a part that was undone stays unsaid, though its transaction committed."""
    target = Target()
    relay = Relay(database, target)
    await relay.start()
    async with database.write() as session:
        with pytest.raises(ValueError, match="undone"):
            await _emit_and_undo(session)
        await emit(session, Sample(number=2))
    await eventually(lambda: target.sent)
    await relay.stop(1)
    assert [b'"number":2' in envelope.payload for envelope in target.sent] == [True]


async def test_replicas_send_each_row_once(migrated_postgres_url: str) -> None:
    """Relays of several processes take different rows."""
    databases = [Database(migrated_postgres_url) for _ in range(3)]
    await _emit(databases[0], 1000)
    target = Target()
    relays = [Relay(database, target) for database in databases]
    for relay in relays:
        await relay.start()
    await eventually(lambda: _is_empty(databases[0]))
    for relay, database in zip(relays, databases, strict=True):
        await relay.stop(1)
        await database.close()
    assert len(target.sent) == len({envelope.event_id for envelope in target.sent}) == 1000


async def test_a_killed_batch_is_free_at_once(migrated_postgres_url: str) -> None:
    """Rows of a relay that died in the middle of a batch are taken by the next one without a wait."""
    database = Database(migrated_postgres_url)
    await _emit(database, 5)
    stuck, target = Target(), Target()
    stuck.hang = True
    task = asyncio.create_task(Relay(database, stuck).send_batch())
    await eventually(lambda: stuck.tried == 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await Relay(database, target).send_batch() == 5
    await database.close()


async def _emit(database: Database, count: int) -> None:
    async with database.write() as session:
        for number in range(count):
            await emit(session, Sample(number=number))


async def _emit_and_undo(session: AsyncSession) -> None:
    async with session.begin_nested():
        await emit(session, Sample(number=1))
        raise ValueError("undone")


async def _tries(database: Database) -> int:
    async with database.read() as session:
        return (await session.execute(select(outbox.c.attempts))).scalar() or 0


async def _is_empty(database: Database) -> bool:
    async with database.read() as session:
        return (await session.execute(select(outbox.c.id).limit(1))).first() is None
