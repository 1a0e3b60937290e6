"""Transfers between stores: asked for, watched, ended and retried by superadmins."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from mediamill_catalog import sync_jobs
from mediamill_catalog.idempotency import IdempotencyConflictError
from mediamill_catalog.settings import PlatformSettings, load
from mediamill_catalog.sync_jobs import (
    RESULTS_SHOWN,
    NothingToRetryError,
    SyncJobClosedError,
    SyncJobNotFoundError,
)
from mediamill_catalog.sync_planning import NothingToSyncError, SyncRequest
from mediamill_catalog.tables import SyncStatus
from mediamill_console.http.parts import ConsoleWebParts, Parts
from mediamill_console.http.sync_schemas import (
    SyncJobDetailsView,
    SyncJobPage,
    SyncJobView,
    SyncWish,
    details_view,
)
from mediamill_console.usecases.steer_sync import cancel_sync, retry_sync
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import SyncOperation
from mediamill_web.idempotency import KEY_IS_FINE, IdempotencyKeyHeader, key_reused, repeatable
from mediamill_web.identity import DOCUMENTED, Superadmin
from mediamill_web.json_body import described, json_body
from mediamill_web.parameters import DEFAULT_LIMIT, Cursor, Limit
from mediamill_web.problems import ProblemError, not_found
from mediamill_web.responses import refusals

_MAX_BODY_BYTES = 1_000_000
"""Ten thousand ids and room."""

router = APIRouter(tags=["sync"], prefix="/api/admin/media/sync", dependencies=DOCUMENTED)


@router.get("", responses=refusals(401, 403, 422))
async def list_all(
    parts: Parts,
    _caller: Superadmin,
    status: SyncStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> SyncJobPage:
    """Return transfers that somebody asked for, newest first."""
    async with parts.database.read() as session:
        page = await sync_jobs.list_jobs(session, limit=limit, after=cursor, status=status)
    return SyncJobPage(items=[SyncJobView.model_validate(row) for row in page.items], next_cursor=page.next)


@router.post(
    "",
    status_code=202,
    responses=refusals(401, 403, 408, 409, 413, 422),
    openapi_extra={"requestBody": {"required": True, "content": described(SyncWish)}},
)
async def request_sync(
    request: Request,
    response: Response,
    parts: Parts,
    caller: Superadmin,
    idempotency_key: IdempotencyKeyHeader = None,
) -> SyncJobDetailsView:
    """Begin a transfer; from 100 files on in batches, which run one beside the other."""
    wish = await json_body(request, parts, SyncWish, max_bytes=_MAX_BODY_BYTES)
    async with parts.database.read() as session:
        settings = await load(session, parts.settings.defaults)
    wanted = SyncRequest(
        operation=wish.operation,
        requested_by=caller.user_id,
        media_ids=wish.media_ids or (),
        wanted=wish.filter.wanted() if wish.filter is not None else None,
        delete_source=_deletes_source(wish, settings),
        s3=_location(wish.operation, settings),
    )
    repeat = repeatable(request, idempotency_key, wish.model_dump_json())
    try:
        job_id = await parts.syncs.accept(wanted, repeat)
    except NothingToSyncError:
        raise ProblemError(422, "nothing_to_sync", "No medium fits the filter.") from None
    except IdempotencyConflictError:
        raise key_reused() from None
    response.headers["Location"] = f"/api/admin/media/sync/{job_id}"
    return await _details(parts, job_id)


@router.get("/{job_id}", responses=refusals(401, 403, 404))
async def get_one(
    job_id: UUID,
    parts: Parts,
    _caller: Superadmin,
    results: Annotated[int, Query(ge=0, le=RESULTS_SHOWN)] = RESULTS_SHOWN,
    batches: bool = True,
) -> SyncJobDetailsView:
    """Return a transfer or a batch, with its batches and the newest results of its files.

    Without batches and with 0 results the answer is small: for those who look often how far it is.
    """
    return await _details(parts, job_id, results, batches=batches)


@router.post("/{job_id}/cancel", responses=refusals(401, 403, 404, 409), dependencies=KEY_IS_FINE)
async def cancel(job_id: UUID, parts: Parts, caller: Superadmin) -> SyncJobDetailsView:
    """End a transfer or a batch: what waits is not sent out, workers stop within seconds."""
    try:
        await cancel_sync(parts.database, job_id, actor=caller.user_id)
    except SyncJobNotFoundError:
        raise not_found() from None
    except SyncJobClosedError:
        raise ProblemError(409, "sync_ended", "The transfer has ended already.") from None
    return await _details(parts, job_id)


@router.post("/{job_id}/retry", responses=refusals(401, 403, 404, 409), dependencies=KEY_IS_FINE)
async def retry(job_id: UUID, parts: Parts, caller: Superadmin) -> SyncJobDetailsView:
    """Send out again what is not done, to where S3 is now; what is done stays as it is."""
    operation = (await _details(parts, job_id, results=0, batches=False)).operation
    async with parts.database.read() as session:
        location = _location(operation, await load(session, parts.settings.defaults))
    try:
        await retry_sync(parts.database, job_id, s3=location, actor=caller.user_id)
    except SyncJobNotFoundError:
        raise not_found() from None
    except NothingToRetryError:
        detail = "The transfer has not ended yet, or everything in it is done."
        raise ProblemError(409, "nothing_to_retry", detail) from None
    return await _details(parts, job_id)


async def _details(
    parts: ConsoleWebParts, job_id: UUID, results: int = RESULTS_SHOWN, *, batches: bool = True
) -> SyncJobDetailsView:
    async with parts.database.read() as session:
        found = await sync_jobs.find(session, job_id, results=results, batches=batches)
    if found is None:
        raise not_found()
    return details_view(found)


def _deletes_source(wish: SyncWish, settings: PlatformSettings) -> bool:
    if wish.delete_source is None and wish.operation == "hard_delete":
        return settings.s3_delete_with_local
    return bool(wish.delete_source)


def _location(operation: SyncOperation, settings: PlatformSettings) -> S3Location | None:
    """Return where S3 is; disabled, it takes nothing in, but gives back and removes what is there."""
    if operation == "upload_to_s3" and not settings.s3_enabled:
        raise ProblemError(409, "s3_disabled", "S3 is disabled in the settings.")
    location = settings.known_s3_location
    if location is None and operation != "hard_delete":
        raise ProblemError(409, "s3_not_configured", "The settings name no bucket.")
    return location
