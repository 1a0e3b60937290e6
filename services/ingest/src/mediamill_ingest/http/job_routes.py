"""Jobs: how far an upload is, for who cannot or does not want to listen to notifications."""

from uuid import UUID

from fastapi import APIRouter, Request

from mediamill_catalog import jobs, media
from mediamill_catalog.listing import list_jobs
from mediamill_catalog.tables import JobStatus
from mediamill_ingest.http.ownership import own_job, own_medium
from mediamill_ingest.http.parts import Parts
from mediamill_ingest.http.repetitions import reused_keys_refused
from mediamill_ingest.http.schemas import JobPage, JobView, PhotoStatus
from mediamill_ingest.http.views import job_view, job_with_result, media_view
from mediamill_ingest.usecases.cancel_job import cancel_job
from mediamill_web.idempotency import IdempotencyKeyHeader, repeatable
from mediamill_web.identity import DOCUMENTED, Caller
from mediamill_web.parameters import DEFAULT_LIMIT, Cursor, Limit
from mediamill_web.problems import ProblemError, not_found
from mediamill_web.responses import refusals

router = APIRouter(tags=["jobs"], dependencies=DOCUMENTED)


@router.get("/api/media/jobs/{job_id}", responses=refusals(401, 404))
@router.get("/api/admin/media/jobs/{job_id}", responses=refusals(401, 404))
async def get_job(job_id: UUID, parts: Parts, caller: Caller) -> JobView:
    """Return a job; `result` is its medium once it is completed."""
    async with parts.database.read() as session:
        return await job_with_result(session, await own_job(session, job_id, caller))


@router.delete("/api/media/jobs/{job_id}", responses=refusals(401, 403, 404, 409))
@router.delete("/api/admin/media/jobs/{job_id}", responses=refusals(401, 403, 404, 409))
async def cancel(
    job_id: UUID,
    request: Request,
    parts: Parts,
    caller: Caller,
    idempotency_key: IdempotencyKeyHeader = None,
) -> JobView:
    """Cancel a job that has not ended; to cancel a cancelled job changes nothing."""
    async with parts.database.read() as session:
        await own_job(session, job_id, caller)
    with reused_keys_refused():
        await cancel_job(
            parts.database,
            job_id,
            actor=caller.user_id,
            settings=parts.stores.settings(),
            request=repeatable(request, idempotency_key),
        )
    async with parts.database.read() as session:
        row = await own_job(session, job_id, caller)
    if row.status != JobStatus.CANCELLED:
        raise ProblemError(409, "job_ended", f"The job is {row.status} and can no longer be cancelled.")
    return job_view(row, None)


@router.get("/api/users/{user_id}/jobs", responses=refusals(401, 404, 422))
async def jobs_of_user(
    user_id: str,
    *,
    parts: Parts,
    caller: Caller,
    status: JobStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> JobPage:
    """Return a user's jobs, newest first."""
    if user_id != caller.user_id and not caller.has_role("admin"):
        raise not_found()
    async with parts.database.read() as session:
        page = await list_jobs(session, user_id=user_id, status=status, limit=limit, after=cursor)
    return JobPage(items=[job_view(row, None) for row in page.items], next_cursor=page.next)


@router.get("/api/photos/{photo_id}/status", responses=refusals(401, 404))
async def photo_status(photo_id: UUID, parts: Parts, caller: Caller) -> PhotoStatus:
    """Return the state of one medium."""
    async with parts.database.read() as session:
        row = await own_medium(session, photo_id, caller)
        if row.deleted_at is not None:
            raise not_found()
        job = await jobs.newest_of_media(session, photo_id)
        variants = await media.variants_of(session, [photo_id])
    view = media_view(row, variants.get(photo_id, ()))
    progress = job.progress if job is not None else 0
    return PhotoStatus(
        media_id=row.id, status=row.status, progress=progress, urls=view.urls, error=view.error
    )
