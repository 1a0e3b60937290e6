"""Events are written in the transaction that makes them true, and sent after it has committed."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_contracts import Message
from mediamill_contracts.topology import EVENTS_EXCHANGE
from mediamill_database import Database
from mediamill_messaging.envelope import Envelope, seal
from mediamill_outbox.tables import outbox

HOLD = "mediamill_outbox.hold"
"""Key in `Database.session_info` of a function: for how many seconds this process sends new rows alone."""
_EMITTED = "mediamill_outbox.emitted"


@dataclass(frozen=True, slots=True)
class EmittedRow:
    """A committed row as its writer remembers it; others leave it alone until `held_until` (Unix seconds)."""

    id: int
    envelope: Envelope
    held_until: float


async def emit(
    session: AsyncSession,
    message: Message,
    *,
    exchange: str = EVENTS_EXCHANGE,
    routing_key: str | None = None,
    event_id: UUID | None = None,
    delay_seconds: float = 0.0,
) -> UUID:
    """Add a message to the outbox inside the caller's `Database.write()` and return its event id.

    The row carries the current trace context; it is sent `delay_seconds` after now. Raises
    PermanentError(`message_too_large`) above 256 KiB.
    """
    identity = event_id or message.message_id()
    envelope = seal(message, exchange=exchange, routing_key=routing_key, event_id=str(identity))
    await enqueue_all(session, [envelope], delay_seconds=delay_seconds)
    return identity


async def enqueue(session: AsyncSession, envelope: Envelope) -> None:
    """Add a sealed message to the outbox inside the caller's transaction."""
    await enqueue_all(session, [envelope])


async def enqueue_all(
    session: AsyncSession, envelopes: Sequence[Envelope], *, delay_seconds: float = 0.0
) -> None:
    """Add sealed messages to the outbox inside the caller's transaction, with one statement.

    With a delay they count as written when they are due, so that no alert takes them for stuck.
    """
    if not envelopes:
        return
    now = time.time() + delay_seconds
    held_until = 0.0 if delay_seconds else _held_until(session, now)
    rows = [
        {
            "event_id": envelope.event_id,
            "exchange": envelope.exchange,
            "routing_key": envelope.routing_key,
            "type": envelope.type,
            "payload": envelope.payload,
            "headers": dict(envelope.headers),
            "created_at": now,
            "available_at": now if delay_seconds else held_until,
        }
        for envelope in envelopes
    ]
    emitted: list[EmittedRow] = session.info.setdefault(_EMITTED, [])
    if held_until:
        ids = (await session.execute(_INSERT_AND_RETURN, rows)).scalars()
        emitted += [EmittedRow(*pair, held_until) for pair in zip(ids, envelopes, strict=True)]
    else:
        await session.execute(_INSERT, rows)


_INSERT = insert(outbox).inline()
_INSERT_AND_RETURN = insert(outbox).returning(outbox.c.id, sort_by_parameter_order=True)


def _held_until(session: AsyncSession, now: float) -> float:
    """Return until when new rows are left to this process, in Unix seconds; 0 when they are anybody's.

    What is written in a savepoint may be undone while its transaction commits: it is not sent from memory.
    """
    hold: Callable[[], float] | None = session.info.get(HOLD)
    seconds = 0.0 if hold is None or session.in_nested_transaction() else hold()
    return now + seconds if seconds > 0 else 0.0


def has_emitted(session: AsyncSession) -> bool:
    """Tell whether the session's transaction wrote to the outbox: the sign to wake a relay."""
    return _EMITTED in session.info


def held_rows(session: AsyncSession) -> Sequence[EmittedRow]:
    """Return the rows of the session's transaction that are left to this process."""
    rows: Sequence[EmittedRow] = session.info.get(_EMITTED, ())
    return rows


class OutboxPublisher:
    """A Publisher for code that has no transaction of its own: one message, one commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tell: Callable[[Envelope], Awaitable[None]] | None = None

    def attach(self, tell: Callable[[Envelope], Awaitable[None]]) -> None:
        """Hand announcements, which never touch the database, to `tell` from now on."""
        self._tell = tell

    async def announce(self, message: Message) -> None:
        """Tell whoever listens now; without a transport nobody does."""
        if self._tell is not None:
            await self._tell(seal(message))

    async def publish(self, message: Message) -> None:
        """Commit the message to the outbox; it is durable when this returns."""
        async with self._database.write() as session:
            await emit(session, message)
