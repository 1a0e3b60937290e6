"""Writes that change what is there already: one that is sent again must not undo what came after it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import idempotency
from mediamill_catalog.idempotency import Claim, RepeatableRequest

__all__ = ["RepeatableRequest", "is_repetition"]


async def is_repetition(
    session: AsyncSession, user_id: str, request: RepeatableRequest | None, *, now: datetime
) -> bool:
    """Take the request's key, and tell whether the same request was carried out with it before.

    Raises IdempotencyConflictError when the key was used for another request.
    """
    if request is None:
        return False
    claim = Claim(user_id, request.key, request.fingerprint, 200, {}, now)
    if (await idempotency.claim(session, [claim]))[0]:
        return False
    await idempotency.earlier_answer(
        session, user_id=user_id, key=request.key, fingerprint=request.fingerprint
    )
    return True
