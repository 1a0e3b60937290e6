"""Queued calls to upstream APIs: ask at once, look later."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, ValidationError

from mediamill_catalog import calls
from mediamill_catalog.idempotency import IdempotencyConflictError
from mediamill_catalog.tables import JobStatus
from mediamill_contracts.call_types import call_types
from mediamill_ingest.http.ownership import own_call
from mediamill_ingest.http.parts import Parts
from mediamill_ingest.http.schemas import CallAccepted, CallPage, CallView
from mediamill_ingest.http.views import call_view
from mediamill_ingest.usecases.request_call import request_call
from mediamill_web.idempotency import IdempotencyKeyHeader, key_reused, repeatable
from mediamill_web.identity import DOCUMENTED, Caller
from mediamill_web.json_body import described, json_body
from mediamill_web.parameters import DEFAULT_LIMIT, Cursor, Limit
from mediamill_web.problems import ProblemError
from mediamill_web.responses import refusals

_MAX_JSON_BYTES = 64 * 1024

router = APIRouter(tags=["calls"], dependencies=DOCUMENTED)


class CallWanted(BaseModel):
    """Which kind of call, and its payload, whose fields depend on the kind."""

    model_config = ConfigDict(extra="forbid")

    type: str
    payload: dict[str, Any]


@router.post(
    "/api/queue/jobs",
    status_code=202,
    responses=refusals(401, 409, 413, 422),
    openapi_extra={"requestBody": {"required": True, "content": described(CallWanted)}},
)
async def queue_call(
    request: Request, parts: Parts, caller: Caller, idempotency_key: IdempotencyKeyHeader = None
) -> CallAccepted:
    """Queue a call and answer at once; `GET /api/queue/jobs/{jobId}` tells what became of it."""
    wanted = await json_body(request, parts, CallWanted, max_bytes=_MAX_JSON_BYTES)
    kind = call_types().get(wanted.type)
    if kind is None:
        known = ", ".join(sorted(call_types()))
        raise ProblemError(422, "unknown_call_type", f"There is no such type of call. There are: {known}.")
    try:
        payload = kind.payload.model_validate(wanted.payload)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(["payload", *(str(part) for part in first["loc"])])
        raise ProblemError(422, "invalid_request", f"{where}: {first['msg']}") from None
    try:
        job_id = await request_call(
            parts.database,
            user_id=caller.user_id,
            call_type=kind.name,
            payload=payload,
            request=repeatable(request, idempotency_key, wanted.model_dump_json()),
        )
    except IdempotencyConflictError:
        raise key_reused() from None
    return CallAccepted(job_id=job_id)


@router.get("/api/queue/jobs/{job_id}", responses=refusals(401, 404))
async def get_call(job_id: UUID, parts: Parts, caller: Caller) -> CallView:
    """Return a queued call; results are kept for a day."""
    async with parts.database.read() as session:
        return call_view(await own_call(session, job_id, caller))


@router.get("/api/queue/jobs", responses=refusals(401, 422))
async def list_calls(
    parts: Parts,
    caller: Caller,
    status: JobStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> CallPage:
    """Return the caller's queued calls, newest first."""
    async with parts.database.read() as session:
        page = await calls.list_calls(
            session, user_id=caller.user_id, status=status, limit=limit, after=cursor
        )
    return CallPage(items=[call_view(row) for row in page.items], next_cursor=page.next)
