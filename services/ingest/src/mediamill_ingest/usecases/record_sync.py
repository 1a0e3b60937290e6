"""What workers report of transfers: the one place where a verified copy becomes a claim of the record."""

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.purges import clear_late_copies
from mediamill_catalog.recovery import public_code
from mediamill_catalog.storage_claims import other_store
from mediamill_catalog.sync_automatic import record_automatic
from mediamill_catalog.sync_operations import COPIED_FROM
from mediamill_catalog.sync_results import lost_run, record_progress, record_result
from mediamill_catalog.tables import utc_now
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import RequestSync, SyncCompleted, SyncProgressed
from mediamill_database import Database
from mediamill_messaging.transport import DeadLetter
from mediamill_runtime.telemetry import current_trace_id

_LOST = "The worker could not finish the batch. What it copied is kept; it can be tried again."


async def record_sync_completed(database: Database, event: SyncCompleted, *, s3: S3Location | None) -> None:
    """Write the end of a run, of a job on record or of an automatic transfer, and ask for what follows."""
    async with database.write() as session:
        await _record(session, event, s3)


async def record_sync_progressed(database: Database, event: SyncProgressed) -> None:
    """Write how far a batch is."""
    async with database.write() as session:
        await record_progress(session, event, now=utc_now())


async def record_lost_sync(session: AsyncSession, letter: DeadLetter) -> None:
    """End the run that a dead letter was about, with all of its media failed."""
    try:
        request = RequestSync.model_validate_json(letter.payload)
    except ValidationError:
        return
    await _record(session, lost_run(request, public_code(letter.code), _LOST), request.s3)


async def _record(session: AsyncSession, event: SyncCompleted, s3: S3Location | None) -> None:
    now, trace_id = utc_now(), current_trace_id()
    if not await record_result(session, event, s3=s3, now=now, trace_id=trace_id):
        await record_automatic(session, event, s3=s3, now=now, trace_id=trace_id)
    if event.operation in COPIED_FROM:
        target = other_store(COPIED_FROM[event.operation])
        await clear_late_copies(session, event.done, target, s3=event.s3 or s3)
