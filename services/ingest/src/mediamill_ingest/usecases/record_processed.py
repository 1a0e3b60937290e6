"""A worker stored all variants: the medium becomes READY, once, and its owner is told."""

from mediamill_catalog import jobs, media, timeline
from mediamill_catalog.tables import utc_now
from mediamill_catalog.timeline import Happening
from mediamill_contracts.media import MediaProcessed, MediaReady
from mediamill_database import Database
from mediamill_ingest.discarding import drop_late_result
from mediamill_ingest.metrics import count_processed
from mediamill_outbox import emit
from mediamill_runtime.telemetry import current_trace_id
from mediamill_storage.object_store import ObjectStore


async def record_processed(database: Database, store: ObjectStore, event: MediaProcessed) -> None:
    """Move medium and job to their end and announce it; a late or repeated result changes nothing."""
    now = utc_now()
    async with database.write() as session:
        medium = await media.mark_ready(
            session, event.media_id, event.facts, original_key=event.source.key, now=now
        )
        if medium is None:
            await drop_late_result(session, store, event)
            return
        await media.set_variants(session, event.media_id, event.variants)
        await jobs.complete_job(session, event.job_id, attempts=event.attempt, now=now)
        line = Happening(
            event.media_id,
            MediaReady.wire_name,
            now,
            job_id=event.job_id,
            detail={"durationMs": event.duration_ms, "attempt": event.attempt},
            trace_id=current_trace_id(),
        )
        await timeline.record(session, line)
        ready = MediaReady(
            media_id=event.media_id,
            job_id=event.job_id,
            user_id=medium.user_id,
            entity_type=medium.entity_type,
            entity_id=medium.entity_id,
            width=event.facts.width,
            height=event.facts.height,
            thumbhash=event.facts.thumbhash,
            urls={variant.name: f"/media/{event.media_id}/{variant.name}" for variant in event.variants},
        )
        await emit(session, ready)
    count_processed(medium.entity_type, "completed")
