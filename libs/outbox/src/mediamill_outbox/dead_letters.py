"""Dead letters as rows: kept with their reason, replayed to the one queue that failed, or discarded."""

import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Row, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_contracts.topology import EVENTS_EXCHANGE
from mediamill_messaging.envelope import FAILURE_HEADERS, ORIGIN_KEY, REPLAYED, Envelope
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox.emit import enqueue
from mediamill_outbox.rows import affected
from mediamill_outbox.tables import dead_letter

UNROUTABLE_QUEUE = "outbox"
"""Stands for the queue of letters that never reached one; replay publishes them to their topic again."""

OPEN = "open"
REPLAYED_STATUS = "replayed"
DISCARDED = "discarded"

DeadLetterEffect = Callable[[AsyncSession, DeadLetter], Awaitable[None]]
"""What a dead letter means to the domain, in the transaction that stores it.

When it raises, the letter stays where it was and comes again.
"""

_INSERT = {
    "postgresql": postgresql.insert(dead_letter).on_conflict_do_nothing(),
    "sqlite": sqlite.insert(dead_letter).on_conflict_do_nothing(),
}
_VARIABLE = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8,}(?:-[0-9a-f]{4,})*|\d+|'[^']*'|\"[^\"]*\"", re.IGNORECASE)


class DeadLetterClosedError(Exception):
    """The dead letter does not exist, or was replayed or discarded before."""

    def __init__(self, dead_letter_id: int) -> None:
        super().__init__(f"dead letter {dead_letter_id} is not open")
        self.dead_letter_id = dead_letter_id


def fingerprint(letter: DeadLetter) -> str:
    """Return 16 hex digits, equal for letters of one queue and type that died of the same cause.

    Numbers, ids and quoted values in the error do not count.
    """
    cause = _VARIABLE.sub("?", letter.error)
    return hashlib.sha256(f"{letter.queue}\n{letter.type}\n{letter.code}\n{cause}".encode()).hexdigest()[:16]


async def record_dead_letter(
    session: AsyncSession, letter: DeadLetter, effect: DeadLetterEffect | None = None
) -> bool:
    """Store a letter and apply its effect, once; False when the same letter is open already."""
    row = {
        "queue": letter.queue,
        "event_id": letter.event_id,
        "type": letter.type,
        "routing_key": letter.routing_key,
        "payload": letter.payload,
        "headers": dict(letter.headers),
        "code": letter.code,
        "error": letter.error,
        "fingerprint": fingerprint(letter),
        "failures": letter.failures,
        "dead_at": time.time(),
        "status": OPEN,
    }
    if affected(await session.execute(_INSERT[session.get_bind().dialect.name], row)) == 0:
        return False
    if effect is not None:
        await effect(session, letter)
    return True


async def replay(session: AsyncSession, dead_letter_id: int, actor: str) -> None:
    """Send a letter back to the one queue that failed, with a clean record; no other queue sees it.

    Raises DeadLetterClosedError when it is not open.
    """
    row = await _close(session, dead_letter_id, REPLAYED_STATUS, actor)
    headers = {key: value for key, value in row.headers.items() if key not in FAILURE_HEADERS}
    never_routed = row.queue == UNROUTABLE_QUEUE
    envelope = Envelope(
        event_id=row.event_id,
        type=row.type,
        routing_key=row.routing_key if never_routed else row.queue,
        payload=row.payload,
        headers=headers | {ORIGIN_KEY: row.routing_key, REPLAYED: dead_letter_id},
        exchange=EVENTS_EXCHANGE if never_routed else "",
    )
    await enqueue(session, envelope)


async def discard(session: AsyncSession, dead_letter_id: int, actor: str) -> None:
    """Close a letter without another try. Raises DeadLetterClosedError when it is not open."""
    await _close(session, dead_letter_id, DISCARDED, actor)


async def _close(session: AsyncSession, dead_letter_id: int, status: str, actor: str) -> Row[Any]:
    statement = (
        update(dead_letter)
        .where(dead_letter.c.id == dead_letter_id, dead_letter.c.status == OPEN)
        .values(status=status, actor=actor, closed_at=time.time())
        .returning(dead_letter)
    )
    row: Row[Any] | None = (await session.execute(statement)).one_or_none()
    if row is None:
        raise DeadLetterClosedError(dead_letter_id)
    return row
