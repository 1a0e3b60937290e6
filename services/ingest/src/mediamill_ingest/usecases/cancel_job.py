"""Cancels a job that nobody waits for any more.

`media.failed` with the code `cancelled` stops whichever processor has the job in hand. Whatever message about
the job comes all the same finds it cancelled, and what was stored for it is removed then (see
`discarding.py`).
"""

from uuid import UUID

from mediamill_catalog import jobs, media, timeline
from mediamill_catalog.purges import emit_due_purges
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import utc_now
from mediamill_catalog.timeline import Happening
from mediamill_contracts.media import MediaFailed
from mediamill_database import Database
from mediamill_ingest.metrics import count_processed
from mediamill_ingest.repetition import RepeatableRequest, is_repetition
from mediamill_outbox import emit
from mediamill_runtime.telemetry import current_trace_id

CANCELLED = "cancelled"


async def cancel_job(
    database: Database,
    job_id: UUID,
    *,
    actor: str,
    settings: PlatformSettings,
    request: RepeatableRequest | None = None,
) -> bool:
    """End an open job and its medium with the code `cancelled`; return False when the job had ended."""
    now = utc_now()
    async with database.write() as session:
        if await is_repetition(session, actor, request, now=now):
            return False
        job = await jobs.find(session, job_id)
        if job is None:
            return False
        event = MediaFailed(
            media_id=job.media_id,
            job_id=job_id,
            user_id=job.user_id,
            code=CANCELLED,
            detail="The upload was cancelled.",
        )
        failed = await media.mark_failed(session, job.media_id, code=event.code, detail=event.detail, now=now)
        if failed is None:
            return False
        await jobs.cancel_job(session, job_id, now=now)
        line = Happening(
            job.media_id,
            event.wire_name,
            now,
            job_id=job_id,
            detail={"code": CANCELLED},
            actor=actor,
            trace_id=current_trace_id(),
        )
        await timeline.record(session, line)
        await emit(session, event)
        await emit_due_purges(session, [job.media_id], settings=settings)
    count_processed(failed.entity_type, CANCELLED)
    return True
