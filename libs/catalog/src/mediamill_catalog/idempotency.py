"""Answers that were given to writes, so that a repeated request gets the same one and does nothing new."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import IDEMPOTENCY_KEYS, insert_unless_there


class IdempotencyConflictError(Exception):
    """The key was used before, for a request that asked for something else."""


async def claim(
    session: AsyncSession,
    *,
    user_id: str,
    key: str,
    fingerprint: str,
    status_code: int,
    answer: dict[str, Any],
    now: datetime,
) -> dict[str, Any] | None:
    """Keep `answer` under the key; return the earlier answer instead when the same request was answered.

    Raises IdempotencyConflictError when the key belongs to a request with another fingerprint.
    """
    row = {
        "user_id": user_id,
        "key": key,
        "fingerprint": fingerprint,
        "status_code": status_code,
        "answer": answer,
        "created_at": now,
    }
    if await insert_unless_there(session, IDEMPOTENCY_KEYS, row):
        return None
    return await earlier_answer(session, user_id=user_id, key=key, fingerprint=fingerprint)


async def earlier_answer(
    session: AsyncSession, *, user_id: str, key: str, fingerprint: str
) -> dict[str, Any] | None:
    """Return the answer kept under the key, or None when the key is new.

    Raises IdempotencyConflictError when the key belongs to a request with another fingerprint.
    """
    table = IDEMPOTENCY_KEYS.c
    found = await session.execute(
        select(table.fingerprint, table.answer).where(table.user_id == user_id, table.key == key)
    )
    earlier = found.one_or_none()
    if earlier is None:
        return None
    if earlier.fingerprint != fingerprint:
        raise IdempotencyConflictError(key)
    answer: dict[str, Any] = earlier.answer
    return answer


async def forget_before(session: AsyncSession, moment: datetime) -> int:
    """Remove keys older than `moment`; return how many."""
    gone = await session.execute(
        delete(IDEMPOTENCY_KEYS)
        .where(IDEMPOTENCY_KEYS.c.created_at < moment)
        .returning(IDEMPOTENCY_KEYS.c.key)
    )
    return len(gone.all())
