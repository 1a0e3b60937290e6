"""Watermarks on media that exist already: put on, taken off and watched by superadmins."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from mediamill_catalog import watermark_jobs
from mediamill_catalog.idempotency import IdempotencyConflictError, RepeatableRequest
from mediamill_catalog.marks import MarkImageError
from mediamill_catalog.settings import MarkSettings
from mediamill_catalog.watermark_jobs import (
    WatermarkJobClosedError,
    WatermarkJobDetails,
    WatermarkJobNotFoundError,
)
from mediamill_catalog.watermark_planning import NothingToMarkError, WatermarkRequest
from mediamill_console.http.parts import ConsoleWebParts, Parts
from mediamill_console.http.watermark_schemas import (
    MarkWish,
    UnmarkWish,
    WatermarkJobPage,
    WatermarkJobView,
    job_view,
)
from mediamill_console.usecases.cancel_watermark import cancel_watermark
from mediamill_runtime.identity import Identity
from mediamill_web.idempotency import KEY_IS_FINE, IdempotencyKeyHeader, key_reused, repeatable
from mediamill_web.identity import DOCUMENTED, Superadmin
from mediamill_web.json_body import described, json_body
from mediamill_web.parameters import DEFAULT_LIMIT, Cursor, Limit
from mediamill_web.problems import ProblemError, not_found
from mediamill_web.responses import refusals

_MAX_BODY_BYTES = 1_000_000
"""Ten thousand ids and room."""
_REFUSALS = refusals(401, 403, 408, 409, 413, 422)

router = APIRouter(tags=["watermarks"], prefix="/api/admin/media/watermarks", dependencies=DOCUMENTED)


@router.post(
    "",
    status_code=202,
    responses=_REFUSALS,
    openapi_extra={"requestBody": {"required": True, "content": described(MarkWish)}},
)
async def mark(
    request: Request,
    response: Response,
    parts: Parts,
    caller: Superadmin,
    idempotency_key: IdempotencyKeyHeader = None,
) -> WatermarkJobView:
    """Make variants again with a mark; originals stay as they are."""
    wish = await json_body(request, parts, MarkWish, max_bytes=_MAX_BODY_BYTES)
    repeat = repeatable(request, idempotency_key, wish.model_dump_json())
    return await _accepted(response, parts, _wanted(wish, caller), wish.mark(), repeat)


@router.post(
    "/remove",
    status_code=202,
    responses=_REFUSALS,
    openapi_extra={"requestBody": {"required": True, "content": described(UnmarkWish)}},
)
async def unmark(
    request: Request,
    response: Response,
    parts: Parts,
    caller: Superadmin,
    idempotency_key: IdempotencyKeyHeader = None,
) -> WatermarkJobView:
    """Make variants again without a mark, from the originals."""
    wish = await json_body(request, parts, UnmarkWish, max_bytes=_MAX_BODY_BYTES)
    repeat = repeatable(request, idempotency_key, wish.model_dump_json())
    return await _accepted(response, parts, _wanted(wish, caller), None, repeat)


@router.get("", responses=refusals(401, 403, 422))
async def list_all(
    parts: Parts, _caller: Superadmin, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> WatermarkJobPage:
    """Return the jobs, newest first; each for itself shows its children too."""
    async with parts.database.read() as session:
        page = await watermark_jobs.list_jobs(session, limit=limit, after=cursor)
    items = [job_view(WatermarkJobDetails(row, ())) for row in page.items]
    return WatermarkJobPage(items=items, next_cursor=page.next)


@router.get("/{job_id}", responses=refusals(401, 403, 404))
async def get_one(job_id: UUID, parts: Parts, _caller: Superadmin) -> WatermarkJobView:
    """Return how far a job is, with its newest children."""
    return await _view(parts, job_id)


@router.post("/{job_id}/cancel", responses=refusals(401, 403, 404, 409), dependencies=KEY_IS_FINE)
async def cancel(job_id: UUID, parts: Parts, caller: Superadmin) -> WatermarkJobView:
    """End a job: what is done stays marked, everything else as it was; workers stop within seconds."""
    try:
        await cancel_watermark(parts.database, job_id, actor=caller.user_id)
    except WatermarkJobNotFoundError:
        raise not_found() from None
    except WatermarkJobClosedError:
        raise ProblemError(409, "watermark_ended", "The job has ended already.") from None
    return await _view(parts, job_id)


def _wanted(wish: MarkWish | UnmarkWish, caller: Identity) -> WatermarkRequest:
    return WatermarkRequest(
        requested_by=caller.user_id,
        watermark=None,
        variants=wish.variants,
        media_ids=wish.media_ids or (),
        wanted=wish.filter.wanted() if wish.filter is not None else None,
    )


async def _accepted(
    response: Response,
    parts: ConsoleWebParts,
    wanted: WatermarkRequest,
    mark: MarkSettings | None,
    repeat: RepeatableRequest | None,
) -> WatermarkJobView:
    try:
        job_id = await parts.watermarks.accept(wanted, mark=mark, repeat=repeat)
    except NothingToMarkError:
        raise ProblemError(422, "nothing_to_mark", "No medium fits the filter.") from None
    except MarkImageError:
        detail = "The image of the mark must be a picture that is ready."
        raise ProblemError(422, "mark_not_usable", detail) from None
    except IdempotencyConflictError:
        raise key_reused() from None
    response.headers["Location"] = f"/api/admin/media/watermarks/{job_id}"
    return await _view(parts, job_id)


async def _view(parts: ConsoleWebParts, job_id: UUID) -> WatermarkJobView:
    async with parts.database.read() as session:
        found = await watermark_jobs.find(session, job_id)
    if found is None:
        raise not_found()
    return job_view(found)
