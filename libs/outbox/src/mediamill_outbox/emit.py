"""Events are written in the transaction that makes them true, and sent after it has committed."""

import time
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_contracts import Message
from mediamill_contracts.topology import EVENTS_EXCHANGE
from mediamill_database import Database
from mediamill_messaging.envelope import Envelope, seal
from mediamill_outbox.tables import outbox

_EMITTED = "mediamill_outbox.emitted"


async def emit(
    session: AsyncSession,
    message: Message,
    *,
    exchange: str = EVENTS_EXCHANGE,
    routing_key: str | None = None,
    event_id: UUID | None = None,
) -> UUID:
    """Add a message to the outbox inside the caller's `Database.write()` and return its event id.

    The row carries the current trace context. Raises PermanentError(`message_too_large`) above 256 KiB.
    """
    identity = event_id or message.message_id()
    await enqueue(session, seal(message, exchange=exchange, routing_key=routing_key, event_id=str(identity)))
    return identity


async def enqueue(session: AsyncSession, envelope: Envelope) -> None:
    """Add a sealed message to the outbox inside the caller's transaction."""
    await enqueue_all(session, [envelope])


async def enqueue_all(session: AsyncSession, envelopes: Sequence[Envelope]) -> None:
    """Add sealed messages to the outbox inside the caller's transaction, with one statement."""
    now = time.time()
    rows = [
        {
            "event_id": envelope.event_id,
            "exchange": envelope.exchange,
            "routing_key": envelope.routing_key,
            "type": envelope.type,
            "payload": envelope.payload,
            "headers": dict(envelope.headers),
            "created_at": now,
        }
        for envelope in envelopes
    ]
    if rows:
        await session.execute(insert(outbox).inline(), rows)
        session.info[_EMITTED] = True


def has_emitted(session: AsyncSession) -> bool:
    """Tell whether the session's transaction wrote to the outbox: the sign to wake a relay."""
    return _EMITTED in session.info


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
