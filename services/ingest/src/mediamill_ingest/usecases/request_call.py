"""Queues a call to an upstream API: after this transaction a crash can delay it, never lose it."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import calls, idempotency
from mediamill_catalog.idempotency import Claim, IdempotencyConflictError, RepeatableRequest
from mediamill_catalog.tables import utc_now
from mediamill_contracts.call import RequestCall
from mediamill_contracts.ids import new_id
from mediamill_database import Database
from mediamill_outbox import emit
from mediamill_runtime.telemetry import current_trace_id


async def request_call(
    database: Database, *, user_id: str, call_type: str, payload: BaseModel, request: RepeatableRequest | None
) -> UUID:
    """Return the id of the queued call; for a repeated request, that of the first.

    Raises IdempotencyConflictError when the key was used for another request.
    """
    call = RequestCall(
        job_id=new_id(),
        user_id=user_id,
        call_type=call_type,
        payload=payload.model_dump(mode="json", by_alias=True),
    )
    async with database.write() as session:
        if request is not None:
            earlier = await _earlier(session, call, request)
            if earlier is not None:
                return UUID(earlier["jobId"])
        await calls.add(session, call, trace_id=current_trace_id(), now=utc_now())
        await emit(session, call)
    return call.job_id


async def _earlier(
    session: AsyncSession, call: RequestCall, request: RepeatableRequest
) -> dict[str, Any] | None:
    """Keep this answer under the key, or return the one that is there."""
    claim = Claim(call.user_id, request.key, request.fingerprint, 202, {"jobId": str(call.job_id)}, utc_now())
    [new] = await idempotency.claim(session, [claim])
    if new:
        return None
    earlier = await idempotency.earlier_answer(
        session, user_id=call.user_id, key=request.key, fingerprint=request.fingerprint
    )
    if earlier is None:
        raise IdempotencyConflictError(request.key)
    return earlier
