"""Dead letters are told apart by their cause, stored once and closed once."""

import pytest
from sqlalchemy import select

from mediamill_database import Database
from mediamill_messaging.envelope import CRASHES, FAILURES, ORIGIN_KEY, REPLAYED
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox import DeadLetterClosedError, discard, record_dead_letter, replay
from mediamill_outbox.dead_letters import fingerprint
from mediamill_outbox.gauges import DEAD_LETTERS, OLDEST, PENDING, OutboxGauges
from mediamill_outbox.tables import dead_letter, outbox


def _letter(error: str = "boom", code: str = "retries_exhausted", **fields: object) -> DeadLetter:
    values = {"queue": "q", "event_id": "e", "type": "t", "routing_key": "t.x", "payload": b"{}"} | fields
    return DeadLetter(code=code, error=error, **values)  # type: ignore[arg-type] # fields of the test's choice


def test_equal_causes_share_a_fingerprint() -> None:
    """Ids, numbers and quoted values do not make a new group; another error, code or queue does."""
    one = _letter("OSError: no 'a.jpg' at 0x7f01 for 01a2012a-3d0d-711b-8c5c-bcbcbd6c213f after 3 s")
    two = _letter("OSError: no 'b.png' at 0xfe99 for 01a2012b-21d9-751c-87a6-7b6e739e8cf6 after 4 s")
    assert fingerprint(one) == fingerprint(two)
    assert fingerprint(_letter("TypeError: x")) != fingerprint(_letter("ValueError: x"))
    assert fingerprint(_letter(code="a")) != fingerprint(_letter(code="b"))
    assert fingerprint(_letter(queue="a")) != fingerprint(_letter(queue="b"))


async def test_a_letter_that_comes_twice_is_stored_once(database: Database) -> None:
    """A redelivered letter neither makes a second row nor repeats its effect."""
    effects = []

    async def effect(_session: object, letter: DeadLetter) -> None:
        effects.append(letter)

    for _ in range(2):
        async with database.write() as session:
            await record_dead_letter(session, _letter(), effect)
    async with database.read() as session:
        assert len((await session.execute(select(dead_letter))).all()) == 1
    assert len(effects) == 1


async def test_a_replayed_letter_may_die_again(database: Database) -> None:
    """After a replay the same event can become a letter of its own."""
    async with database.write() as session:
        await record_dead_letter(session, _letter())
        await replay(session, 1, "ann")
        assert await record_dead_letter(session, _letter())
    async with database.read() as session:
        rows = (await session.execute(select(dead_letter).order_by(dead_letter.c.id))).all()
    assert [row.status for row in rows] == ["replayed", "open"]


async def test_a_replay_forgets_failures_and_keeps_the_trace(database: Database) -> None:
    """The replayed message goes to its queue by name with a clean record."""
    headers = {FAILURES: 3, CRASHES: 1, "traceparent": "00-1-2-01"}
    async with database.write() as session:
        await record_dead_letter(session, _letter(headers=headers))
        await replay(session, 1, "ann")
        (row,) = (await session.execute(select(outbox))).all()
    assert (row.exchange, row.routing_key, row.event_id) == ("", "q", "e")
    assert row.headers == {"traceparent": "00-1-2-01", ORIGIN_KEY: "t.x", REPLAYED: 1}


async def test_a_closed_letter_stays_closed(database: Database) -> None:
    """Discarded is discarded: neither a replay nor a second discard goes through."""
    async with database.write() as session:
        await record_dead_letter(session, _letter())
        await discard(session, 1, "ann")
    for close in (replay, discard):
        with pytest.raises(DeadLetterClosedError):
            async with database.write() as session:
                await close(session, 1, "bob")


async def test_the_gauges_show_what_waits(database: Database) -> None:
    """Outbox and dead letters are counted as they are now, and old values do not linger."""
    gauges = OutboxGauges(database)
    async with database.write() as session:
        await record_dead_letter(session, _letter())
    await gauges.refresh()
    assert (PENDING._value.get(), OLDEST._value.get()) == (0, 0)
    assert DEAD_LETTERS.labels("q", "open")._value.get() == 1
    async with database.write() as session:
        await replay(session, 1, "ann")
    await gauges.refresh()
    assert PENDING._value.get() == 1
    assert DEAD_LETTERS.labels("q", "replayed")._value.get() == 1
    assert ("q", "open") not in DEAD_LETTERS._metrics
