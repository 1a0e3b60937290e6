"""Ends a transfer before its time, or sends out again what failed."""

from uuid import UUID

from mediamill_catalog import audit, sync_jobs
from mediamill_catalog.audit import Act
from mediamill_catalog.tables import utc_now
from mediamill_contracts.storage import S3Location
from mediamill_database import Database

SYNC_CANCELLED = "sync.cancelled"
SYNC_RETRIED = "sync.retried"


async def cancel_sync(database: Database, job_id: UUID, *, actor: str) -> None:
    """End a job or one batch of it. Raises SyncJobNotFoundError, SyncJobClosedError."""
    now = utc_now()
    async with database.write() as session:
        await sync_jobs.cancel(session, job_id, now=now)
        await audit.record(session, Act(actor, SYNC_CANCELLED, now, detail={"syncJobId": str(job_id)}))


async def retry_sync(database: Database, job_id: UUID, *, s3: S3Location | None, actor: str) -> None:
    """Send out again what is not done, to where S3 is now.

    Raises SyncJobNotFoundError, NothingToRetryError.
    """
    now = utc_now()
    async with database.write() as session:
        await sync_jobs.retry(session, job_id, s3=s3, now=now)
        await audit.record(session, Act(actor, SYNC_RETRIED, now, detail={"syncJobId": str(job_id)}))
