"""Messages that nothing can take become dead letters, so that a wrong key is seen and can be replayed."""

import time
from typing import Any

import structlog
from sqlalchemy import Row, insert
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_messaging.errors import PermanentError
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox.dead_letters import UNROUTABLE_QUEUE, DeadLetterEffect, record_dead_letter
from mediamill_outbox.tables import outbox

RETRY_SECONDS = 1.0
"""Wait before the next try when the effect of the dead letter failed."""

logger = structlog.get_logger(__name__)


async def bury_unroutable(
    session: AsyncSession, row: Row[Any], error: PermanentError, effect: DeadLetterEffect | None
) -> None:
    """Record a row that was just taken out of the outbox as a dead letter, in the same transaction.

    When the effect fails, the row goes back to the outbox for a later try and its neighbours are not harmed.
    """
    letter = DeadLetter(
        queue=UNROUTABLE_QUEUE,
        event_id=row.event_id,
        type=row.type,
        routing_key=row.routing_key,
        payload=row.payload,
        headers=row.headers,
        code=error.code,
        error=str(error),
        failures=row.attempts,
    )
    logger.error(
        "message cannot be routed", event_id=row.event_id, type=row.type, routing_key=row.routing_key
    )
    try:
        async with session.begin_nested():
            await record_dead_letter(session, letter, effect)
    except Exception:
        logger.exception("effect of a dead letter failed", event_id=row.event_id)
        values = row._asdict() | {"available_at": time.time() + RETRY_SECONDS}
        await session.execute(insert(outbox).values(values))
