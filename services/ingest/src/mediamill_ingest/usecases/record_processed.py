"""A worker stored all variants: the medium becomes READY, once, and its owner is told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from mediamill_catalog import jobs, media, timeline
from mediamill_catalog.purges import emit_due_purges
from mediamill_catalog.tables import utc_now
from mediamill_catalog.timeline import Happening
from mediamill_contracts.media import MediaProcessed, MediaReady
from mediamill_database import Database
from mediamill_ingest.current_stores import CurrentStores
from mediamill_ingest.discarding import drop_late_result
from mediamill_ingest.group_commit import PACE_SECONDS, GroupCommit, Submitted
from mediamill_ingest.metrics import count_processed
from mediamill_ingest.placement import bring_home, place
from mediamill_messaging.envelope import seal
from mediamill_outbox.emit import enqueue_all
from mediamill_runtime.telemetry import current_trace_id


class SuccessRecords:
    """Records results; those of about the same time share a transaction."""

    def __init__(self, database: Database, stores: CurrentStores) -> None:
        self._database = database
        self._stores = stores
        self._group = GroupCommit(self._write, pace_seconds=PACE_SECONDS)

    async def record_processed(self, event: MediaProcessed) -> None:
        """Move medium and job to their end and announce it; a late or repeated result changes nothing."""
        recorded = await self._group.submit(event)
        if not recorded:
            async with self._database.write() as session:
                await drop_late_result(session, self._stores, event)

    async def _write(self, batch: Sequence[Submitted[MediaProcessed]]) -> Sequence[bool]:
        now = utc_now()
        settings = self._stores.settings()
        async with self._database.write() as session:
            open_media = await media.lock_open(session, {submitted.item.media_id for submitted in batch})
            first: dict[UUID, Submitted[MediaProcessed]] = {}
            for submitted in batch:
                if submitted.item.media_id in open_media:
                    first.setdefault(submitted.item.media_id, submitted)
            if first:
                results = [submitted.item for submitted in first.values()]
                placements = {
                    result.media_id: place(result, open_media[result.media_id].storage_strategy, settings)
                    for result in results
                }
                claims = {media_id: placement.status for media_id, placement in placements.items()}
                await media.mark_ready(session, results, claims, now=now)
                await jobs.complete_jobs(
                    session, {result.job_id: result.attempt for result in results}, now=now
                )
                lines = [each.context.run(_line, each.item, now) for each in first.values()]
                await timeline.record(session, *lines)
                leaving = {media_id for media_id in first if open_media[media_id].purge_requested_at}
                announcements = [
                    each.context.run(seal, _announcement(each.item, open_media[media_id]))
                    for media_id, each in first.items()
                    if media_id not in leaving
                ]
                await enqueue_all(session, announcements)
                staying = [placements[media_id] for media_id in first if media_id not in leaving]
                await bring_home(session, staying, settings, now=now)
                if leaving:
                    await emit_due_purges(session, leaving, settings=settings)
        for media_id in first:
            count_processed(open_media[media_id].entity_type, "completed")
        return [first.get(submitted.item.media_id) is submitted for submitted in batch]


def _line(event: MediaProcessed, now: datetime) -> Happening:
    return Happening(
        event.media_id,
        MediaReady.wire_name,
        now,
        job_id=event.job_id,
        detail={"durationMs": event.duration_ms, "attempt": event.attempt},
        trace_id=current_trace_id(),
    )


def _announcement(event: MediaProcessed, medium: Row[Any]) -> MediaReady:
    return MediaReady(
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
