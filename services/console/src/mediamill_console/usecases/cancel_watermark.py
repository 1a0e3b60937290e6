"""Ends a watermark job before its time."""

from uuid import UUID

from mediamill_catalog import audit, watermark_jobs
from mediamill_catalog.audit import Act
from mediamill_catalog.tables import utc_now
from mediamill_catalog.watermark_planning import stop_planning
from mediamill_database import Database

WATERMARK_CANCELLED = "watermark.cancelled"


async def cancel_watermark(database: Database, job_id: UUID, *, actor: str) -> None:
    """End a job. Raises WatermarkJobNotFoundError, WatermarkJobClosedError."""
    now = utc_now()
    async with database.write() as session:
        await stop_planning(session, job_id, now=now)
    async with database.write() as session:
        await watermark_jobs.cancel(session, job_id, now=now)
        detail = {"watermarkJobId": str(job_id)}
        await audit.record(session, Act(actor, WATERMARK_CANCELLED, now, detail=detail))
