"""Records what became of a watermark order: one medium's end never touches the others of its job."""

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import watermark_results
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import utc_now
from mediamill_contracts.watermark import WatermarkApplied
from mediamill_database import Database
from mediamill_messaging.transport import DeadLetter
from mediamill_runtime.telemetry import current_trace_id


async def record_watermark(database: Database, event: WatermarkApplied, settings: PlatformSettings) -> None:
    """Exchange the variants; a late or repeated result changes nothing, and what it stored is removed."""
    async with database.write() as session:
        await watermark_results.record_applied(
            session, event, settings=settings, now=utc_now(), trace_id=current_trace_id()
        )


async def record_lost_watermark(session: AsyncSession, letter: DeadLetter) -> None:
    """Fail the one medium that a dead letter was about, in the transaction that stores the letter."""
    await watermark_results.record_lost_order(session, letter.payload, letter.code, now=utc_now())
