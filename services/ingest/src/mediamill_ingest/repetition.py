"""Writes that change what is there already: one that is sent again must not undo what came after it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.idempotency import RepeatableRequest, answered_before

__all__ = ["RepeatableRequest", "is_repetition"]


async def is_repetition(
    session: AsyncSession, user_id: str, request: RepeatableRequest | None, *, now: datetime
) -> bool:
    """Take the request's key, and tell whether the same request was carried out with it before.

    Raises IdempotencyConflictError when the key was used for another request.
    """
    earlier = await answered_before(session, request, user_id=user_id, status_code=200, answer={}, now=now)
    return earlier is not None
