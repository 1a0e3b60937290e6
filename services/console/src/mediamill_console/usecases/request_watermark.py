"""Takes an operator's wish for watermarks: planned, written down and sent out in one transaction, once."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import audit, watermark_jobs
from mediamill_catalog.audit import Act
from mediamill_catalog.idempotency import Claim, RepeatableRequest, claim, earlier_answer
from mediamill_catalog.marks import resolve_mark
from mediamill_catalog.settings import MarkSettings, PlatformSettings, load
from mediamill_catalog.tables import utc_now
from mediamill_catalog.watermark_jobs import WatermarkRequest
from mediamill_database import Database

WATERMARK_REQUESTED = "watermark.requested"
_ACCEPTED = 202


class _OvertakenError(Exception):
    """The same request was accepted in another transaction meanwhile: this one is undone."""


async def request_watermark(
    database: Database,
    request: WatermarkRequest,
    *,
    mark: MarkSettings | None,
    repeat: RepeatableRequest | None,
    defaults: PlatformSettings,
) -> UUID:
    """Return the id of the job, the earlier one's when the same request was accepted before.

    Raises MarkImageError, NothingToMarkError; IdempotencyConflictError when the key was used for another
    request.
    """
    try:
        async with database.write() as session:
            return await _accept(session, request, mark, repeat, defaults)
    except _OvertakenError:
        async with database.write() as session:
            return await _accept(session, request, mark, repeat, defaults)


async def _accept(
    session: AsyncSession,
    request: WatermarkRequest,
    mark: MarkSettings | None,
    repeat: RepeatableRequest | None,
    defaults: PlatformSettings,
) -> UUID:
    now, actor = utc_now(), request.requested_by
    if repeat is not None:
        answer = await earlier_answer(session, user_id=actor, key=repeat.key, fingerprint=repeat.fingerprint)
        if answer is not None:
            return UUID(answer["id"])
    settings = await load(session, defaults)
    if mark is not None:
        request = replace(request, watermark=await resolve_mark(session, mark), variants=mark.variants)
    job_id = await watermark_jobs.plan(session, request, settings=settings, now=now)
    if repeat is not None:
        kept = Claim(actor, repeat.key, repeat.fingerprint, _ACCEPTED, {"id": str(job_id)}, now)
        if not (await claim(session, [kept]))[0]:
            raise _OvertakenError
    detail = {
        "watermarkJobId": str(job_id),
        "removes": mark is None,
        "media": len(request.media_ids) or "by filter",
    }
    await audit.record(session, Act(actor, WATERMARK_REQUESTED, now, detail=detail))
    return job_id
