"""Abandoned staging goes; whatever an upload refers to stays."""

import os
from datetime import timedelta

import pytest
from sqlalchemy import insert

from mediamill_catalog.tables import MediaStatus
from mediamill_cleanup.duty import Run
from mediamill_cleanup.premises import Premises
from mediamill_cleanup.usecases.sweep_temporary import sweep_temporary
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaUploaded, StagedObject
from mediamill_messaging.errors import BrokerUnavailableError
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox import emit, record_dead_letter
from mediamill_outbox.tables import embedded_delivery
from mediamill_storage.keys import staged_key

from .conftest import DAY, HOUR, NOW, USER, Bench


def announcement(key: str) -> MediaUploaded:
    """Announce bytes that a gateway has staged."""
    return MediaUploaded(
        media_id=new_id(),
        job_id=new_id(),
        user_id=USER,
        staged=StagedObject(key=key, size_bytes=6),
        file_name="cat.jpg",
        uploaded_at=NOW,
    )


def a_key() -> str:
    """Return a new key in the user's staging folder."""
    return staged_key(USER, new_id(), "jpg")


async def test_only_old_bytes_that_nobody_refers_to_are_removed(bench: Bench, run: Run) -> None:
    """What a row names is kept however old it is, unless it has expired; fresh bytes are left alone."""
    waiting = await bench.put((await bench.find(await bench.medium(MediaStatus.CONFIRMED))).original_key)
    failed = await bench.put((await bench.find(await bench.medium(MediaStatus.FAILED))).original_key)
    expired = await bench.put((await bench.find(await bench.medium(MediaStatus.EXPIRED))).original_key)
    abandoned, fresh = await bench.put(a_key()), await bench.put(a_key(), age=HOUR)
    elsewhere = await bench.put("permanent/2026/01/unlinked/ab.jpg")
    report = await sweep_temporary(bench.premises, DAY, run)
    assert await bench.stored() == {waiting, failed, fresh, elsewhere}
    assert set(report.named["staged objects removed"]) == {expired, abandoned}
    assert report.bytes_freed == 2 * len(b"pixels")


async def test_a_dry_run_removes_nothing(bench: Bench, dry_run: Run) -> None:
    """It names what would go, unfinished files included."""
    abandoned = await bench.put(a_key())
    unfinished = bench.store.new_file()
    unfinished.write(b"its process died before the end of the body")
    for path in (bench.root / ".temporaries").iterdir():
        os.utime(path, (0, 0))
    report = await sweep_temporary(bench.premises, DAY, dry_run)
    assert report.as_dict()["counts"] == {"staged objects removed": 1, "unfinished files removed": 1}
    assert await bench.stored() == {abandoned}
    assert len(list((bench.root / ".temporaries").iterdir())) == 1
    unfinished.abort()


@pytest.mark.parametrize("where", ["outbox", "embedded", "dead letter"])
async def test_bytes_that_a_message_announces_are_kept(bench: Bench, run: Run, where: str) -> None:
    """A gateway's bytes have no row until admission: its message is what refers to them."""
    key = await bench.put(a_key())
    message = announcement(key)
    payload = message.model_dump_json().encode()
    async with bench.database.write() as session:
        if where == "outbox":
            await emit(session, message)
        elif where == "embedded":
            row = {
                "queue": "ingest.admission",
                "event_id": str(message.message_id()),
                "type": message.wire_name,
                "routing_key": message.wire_name,
                "payload": payload,
                "headers": {},
                "available_at": 0.0,
            }
            await session.execute(insert(embedded_delivery), [row])
        else:
            letter = DeadLetter(
                "ingest.admission", str(new_id()), message.wire_name, "media.uploaded", payload
            )
            await record_dead_letter(session, letter)
    await sweep_temporary(bench.premises, DAY, run)
    assert await bench.stored() == {key}


@pytest.mark.parametrize(
    ("queue", "answers"),
    [("ingest.admission", True), ("ingest.admission-bulk", True), ("ingest.admission", False)],
)
async def test_while_announcements_may_wait_in_the_broker_only_ancient_bytes_go(
    bench: Bench, run: Run, queue: str, answers: bool
) -> None:
    """Nobody can look into a queue of the broker: as long as it holds some, or is away, days are waited."""
    young, ancient = await bench.put(a_key()), await bench.put(a_key(), age=timedelta(days=8))

    async def away() -> dict[str, int]:
        raise BrokerUnavailableError("no answer")

    bench.depths[queue] = 3
    premises = bench.premises if answers else Premises(bench.database, bench.store, away)
    report = await sweep_temporary(premises, DAY, run)
    assert await bench.stored() == {young}
    assert report.named["staged objects removed"] == [ancient]
    assert "uploads wait for admission" in report.notes[0]
