"""A request that carries a key is answered once: its repetition gets what the first was told."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import idempotency
from mediamill_catalog.idempotency import Claim, IdempotencyConflictError, RepeatableRequest
from mediamill_catalog.tables import utc_now


async def earlier_answer(
    session: AsyncSession,
    request: RepeatableRequest | None,
    *,
    user_id: str,
    status_code: int,
    answer: dict[str, Any],
) -> dict[str, Any] | None:
    """Keep `answer` under the request's key, or return the one that is there already.

    Raises IdempotencyConflictError when the key was used for another request.
    """
    if request is None:
        return None
    claim = Claim(user_id, request.key, request.fingerprint, status_code, answer, utc_now())
    [new] = await idempotency.claim(session, [claim])
    if new:
        return None
    earlier = await idempotency.earlier_answer(
        session, user_id=user_id, key=request.key, fingerprint=request.fingerprint
    )
    if earlier is None:
        raise IdempotencyConflictError(request.key)
    return earlier
