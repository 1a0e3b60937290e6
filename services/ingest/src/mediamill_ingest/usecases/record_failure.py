"""The two ways in which a job fails for good, and the one way back.

A verdict on the bytes (`media.rejected`) is final. A dead letter means that the infrastructure failed: the
operator who replays it opens the job again, in the transaction of the replay.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import jobs, media, timeline
from mediamill_catalog.purges import emit_due_purges
from mediamill_catalog.recovery import job_of_letter, public_code
from mediamill_catalog.tables import utc_now
from mediamill_catalog.timeline import Happening
from mediamill_contracts.media import JobMessage, MediaFailed, MediaRejected
from mediamill_database import Database
from mediamill_ingest.current_stores import CurrentStores
from mediamill_ingest.discarding import drop_late_quarantine
from mediamill_ingest.metrics import count_processed
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox import emit
from mediamill_runtime.telemetry import current_trace_id

_OUR_FAULT = "Something went wrong on our side. The file was kept and can be processed again."


class FailureRecords:
    """Records failures; a medium that was only kept because of its job is removed when that has failed."""

    def __init__(self, database: Database, stores: CurrentStores) -> None:
        self._database = database
        self._stores = stores

    async def record_rejected(self, event: MediaRejected) -> None:
        """Move medium and job to FAILED and announce it; a late or repeated verdict changes nothing."""
        async with self._database.write() as session:
            if await _fail(session, event, event.code, event.detail, event.quarantine_key):
                await self._remove_if_asked_for(session, event)
            else:
                await drop_late_quarantine(session, self._stores, event)

    async def record_dead_letter(self, session: AsyncSession, letter: DeadLetter) -> None:
        """Fail the job that a dead letter was about, in the transaction that stores the letter."""
        about = await job_of_letter(session, letter.type, letter.payload)
        if about is not None and await _fail(session, about, public_code(letter.code), _OUR_FAULT):
            await self._remove_if_asked_for(session, about)

    async def _remove_if_asked_for(self, session: AsyncSession, about: JobMessage) -> None:
        await emit_due_purges(session, [about.media_id], settings=self._stores.settings())


async def _fail(
    session: AsyncSession, about: JobMessage, code: str, detail: str, quarantine_key: str | None = None
) -> bool:
    """Return whether the medium was open."""
    now = utc_now()
    medium = await media.mark_failed(
        session, about.media_id, code=code, detail=detail, quarantine_key=quarantine_key, now=now
    )
    if medium is None:
        return False
    await jobs.fail_job(session, about.job_id, code=code, detail=detail, now=now)
    line = Happening(
        about.media_id,
        MediaFailed.wire_name,
        now,
        job_id=about.job_id,
        detail={"code": code, "detail": detail},
        trace_id=current_trace_id(),
    )
    await timeline.record(session, line)
    failed = MediaFailed(
        media_id=about.media_id, job_id=about.job_id, user_id=medium.user_id, code=code, detail=detail
    )
    await emit(session, failed)
    count_processed(medium.entity_type, "failed")
    return True
