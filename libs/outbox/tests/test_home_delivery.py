"""What a process announces to itself is handled in it, and whatever goes wrong goes to the broker."""

import asyncio
from dataclasses import dataclass, field

import pytest

from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaFailed, MediaUploaded, StagedObject
from mediamill_contracts.topology import INGEST_ADMISSION
from mediamill_database import Database
from mediamill_messaging.envelope import seal
from mediamill_messaging.subscription import Delivery, Subscription, route
from mediamill_outbox import Relay, emit
from mediamill_outbox.home_delivery import MOST_IN_HAND, HomeDelivery
from mediamill_testing.waiting import eventually

from .test_relay import Target, _is_empty


@dataclass
class Admission:
    """A handler that remembers, and waits or fails on demand."""

    handled: list[MediaUploaded] = field(default_factory=list)
    error: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def on_media_uploaded(self, event: MediaUploaded, _delivery: Delivery) -> None:
        """Take an announcement."""
        self.begun.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.handled.append(event)

    @property
    def home(self) -> HomeDelivery:
        """The handler as part of its service."""
        return HomeDelivery(Subscription(INGEST_ADMISSION, (route(MediaUploaded, self.on_media_uploaded),)))


@pytest.fixture
def admission() -> Admission:
    """Give a handler that waits for nothing."""
    admission = Admission()
    admission.gate.set()
    return admission


def _announcement() -> MediaUploaded:
    media_id = new_id()
    return MediaUploaded.model_validate(
        {
            "media_id": media_id,
            "job_id": new_id(),
            "user_id": "user-1",
            "staged": StagedObject(key=f"temp/user-1/{media_id}.jpg", size_bytes=9),
            "file_name": "cat.jpg",
            "uploaded_at": "2026-01-01T00:00:00Z",
        }
    )


async def _announce(database: Database) -> MediaUploaded:
    event = _announcement()
    async with database.write() as session:
        await emit(session, event)
    return event


async def test_a_message_to_oneself_does_not_travel(database: Database, admission: Admission) -> None:
    """The handler has the message, its row is gone, and the broker never saw it."""
    target = Target()
    relay = Relay(database, target, home=admission.home)
    await relay.start()
    event = await _announce(database)
    await eventually(lambda: admission.handled == [event])
    await eventually(lambda: _is_empty(database))
    await relay.stop(1)
    assert target.sent == []


async def test_a_failure_goes_to_the_broker(database: Database, admission: Admission) -> None:
    """What the handler refuses is sent, so that it is retried and given up like any other message."""
    target = Target()
    admission.error = ConnectionError("the database blinked")
    relay = Relay(database, target, home=admission.home)
    await relay.start()
    await _announce(database)
    await eventually(lambda: [envelope.type for envelope in target.sent] == ["media.uploaded"])
    await eventually(lambda: _is_empty(database))
    await relay.stop(1)


async def test_a_row_is_kept_until_its_handler_is_done(database: Database, admission: Admission) -> None:
    """A process that ends in the middle of the handler leaves the message in the outbox."""
    admission.gate.clear()
    relay = Relay(database, Target(), home=admission.home)
    await relay.start()
    await _announce(database)
    await admission.begun.wait()
    await relay.stop(0.05)
    assert admission.handled == []
    assert not await _is_empty(database)


async def test_a_crowd_is_shared_with_replicas(admission: Admission) -> None:
    """Beyond what is handled at once, messages take the queue, and so does what others listen to."""
    home = admission.home
    admission.gate.clear()
    assert not home.takes(
        seal(MediaFailed(media_id=new_id(), job_id=new_id(), user_id="u", code="x", detail=""))
    )
    for _ in range(MOST_IN_HAND):
        assert home.takes(seal(_announcement()))
        home.begin(seal(_announcement()), lambda _done: None)
    assert not home.takes(seal(_announcement()))
    admission.gate.set()
    await eventually(lambda: home.takes(seal(_announcement())))
    await home.close(1)
    assert not home.takes(seal(_announcement()))
