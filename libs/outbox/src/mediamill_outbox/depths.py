"""How many messages wait, where the database is what knows it."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_outbox.tables import dead_letter, embedded_delivery

_WAITING = (
    select(embedded_delivery.c.queue, func.count().label("waiting"))
    .where(embedded_delivery.c.running.is_(False))
    .group_by(embedded_delivery.c.queue)
)
_DEAD = (
    select(dead_letter.c.queue, func.count().label("dead"))
    .where(dead_letter.c.status == "open")
    .group_by(dead_letter.c.queue)
)


async def embedded_depths(session: AsyncSession) -> dict[str, int]:
    """Return the deliveries of the embedded bus that wait for their turn or for another try, by queue."""
    return {row.queue: row.waiting for row in await session.execute(_WAITING)}


async def open_dead_letters(session: AsyncSession) -> dict[str, int]:
    """Return the dead letters that nobody has dealt with yet, by queue."""
    return {row.queue: row.dead for row in await session.execute(_DEAD)}
