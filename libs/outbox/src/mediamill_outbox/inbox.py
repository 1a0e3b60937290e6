"""Every message may come twice; the inbox makes the second time a no-op."""

import time

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_messaging.subscription import Delivery
from mediamill_outbox.rows import affected
from mediamill_outbox.tables import inbox

_INSERT = {
    "postgresql": postgresql.insert(inbox).on_conflict_do_nothing(),
    "sqlite": sqlite.insert(inbox).on_conflict_do_nothing(),
}


async def first_time(session: AsyncSession, delivery: Delivery) -> bool:
    """Record the delivery inside the handler's transaction; False when it was handled before.

    Call it first in the transaction that holds the handler's effects: they and the record commit together. A
    second delivery that runs at the same time waits here until the first has committed or rolled back.
    """
    statement = _INSERT[session.get_bind().dialect.name]
    row = {"queue": delivery.queue, "event_id": delivery.event_id, "received_at": time.time()}
    return affected(await session.execute(statement, row)) == 1
