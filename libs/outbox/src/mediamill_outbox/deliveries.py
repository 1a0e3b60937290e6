"""The statements behind the embedded bus: every delivery is a row until its outcome is durable.

A row is waiting (`running` false, due at `available_at`) or running. Only one process may run the deliveries
of a database, so a row found running at boot was running when the process before died.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_outbox.rows import affected
from mediamill_outbox.tables import embedded_delivery as table


@dataclass(frozen=True, slots=True)
class Postponed:
    """A delivery that waits for another try."""

    id: int
    failures: int
    available_at: float


_POSTPONE = (
    update(table)
    .where(table.c.id == bindparam("row_id"))
    .values(running=False, failures=bindparam("failed"), available_at=bindparam("due"))
)
_NEXT_DUE = select(func.min(table.c.available_at)).where(
    table.c.queue == bindparam("queue"), table.c.running.is_(False)
)


async def recover(session: AsyncSession) -> int:
    """Make due again what was running when the process died, and count the crash; return how many."""
    statement = (
        update(table)
        .where(table.c.running.is_(True))
        .values(running=False, crashes=table.c.crashes + 1, available_at=0)
    )
    return affected(await session.execute(statement))


async def add(session: AsyncSession, rows: Iterable[tuple[str, Row[Any]]]) -> None:
    """Add one waiting delivery for each pair of queue and outbox row."""
    now = time.time()
    values = [
        {
            "queue": queue,
            "event_id": row.event_id,
            "type": row.type,
            "routing_key": row.routing_key,
            "payload": row.payload,
            "headers": row.headers,
            "available_at": now,
        }
        for queue, row in rows
    ]
    if values:
        await session.execute(insert(table), values)


async def claim(session: AsyncSession, queue: str, limit: int) -> Sequence[Row[Any]]:
    """Mark up to `limit` due deliveries as running and return them, oldest first."""
    due = (
        select(table.c.id)
        .where(table.c.queue == queue, table.c.running.is_(False), table.c.available_at <= time.time())
        .order_by(table.c.available_at, table.c.id)
        .limit(limit)
    )
    statement = (
        update(table).where(table.c.id.in_(due.scalar_subquery())).values(running=True).returning(table)
    )
    rows = (await session.execute(statement)).all()
    return sorted(rows, key=lambda row: (row.available_at, row.id))


async def next_due(session: AsyncSession, queue: str) -> float:
    """Return when the next waiting delivery is due, in Unix seconds; infinity when none waits."""
    moment = (await session.execute(_NEXT_DUE, {"queue": queue})).scalar()
    return float("inf") if moment is None else float(moment)


async def settle(
    session: AsyncSession, finished: Sequence[int], postponed: Sequence[Postponed], released: Sequence[int]
) -> None:
    """Make outcomes durable: delete what is done, put back what waits or was handed back untouched."""
    if finished:
        await session.execute(delete(table).where(table.c.id.in_(finished)))
    if postponed:
        await session.execute(_POSTPONE, [_postpone_values(item) for item in postponed])
    if released:
        await session.execute(update(table).where(table.c.id.in_(released)).values(running=False))


def _postpone_values(item: Postponed) -> Mapping[str, Any]:
    return {"row_id": item.id, "failed": item.failures, "due": item.available_at}
