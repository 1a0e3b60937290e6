"""Ends uploads that were begun and never completed, and gives their room back.

An upload that merely waits is left alone, however long its queue: it has bytes, and a job that is open.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from mediamill_catalog import expiry, jobs, purges, timeline
from mediamill_catalog.references import announced
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import MediaStatus
from mediamill_catalog.timeline import Happening
from mediamill_cleanup.announcements import announcements_wait
from mediamill_cleanup.batches import BATCH
from mediamill_cleanup.duty import Run
from mediamill_cleanup.premises import Premises
from mediamill_cleanup.report import Report
from mediamill_contracts.media import MediaFailed
from mediamill_outbox import emit
from mediamill_storage import keys
from mediamill_storage.object_store import StoreUnavailableError

EXPIRED = "media.expired"
"""Name of the line that it leaves in the timeline."""
CODE = "upload_expired"
DETAIL = "The upload was not completed in time."
ACTOR = "system"
AWAY = "S3 does not answer: what is there of uploads is left to a later run"


async def expire_uploads(premises: Premises, age: timedelta, platform: PlatformSettings, run: Run) -> Report:
    """Move uploads that nothing has happened to for `age` to EXPIRED and remove what is staged of them."""
    expiring = _Expiring(premises, platform, run, run.report())
    after: UUID | None = None
    while True:
        async with premises.database.read() as session:
            found = await expiry.unchanged_since(session, run.now - age, limit=BATCH, after=after)
            newest = await expiry.newest_jobs(session, [medium.id for medium in found])
        if not found:
            return expiring.report
        after = found[-1].id
        for medium in found:
            try:
                await expiring.deal_with(medium, newest.get(medium.id))
            except StoreUnavailableError:
                expiring.report.note(AWAY)


@dataclass(frozen=True)
class _Expiring:
    """One run."""

    premises: Premises
    platform: PlatformSettings
    run: Run
    report: Report

    async def deal_with(self, medium: Row[Any], job: Row[Any] | None) -> None:
        """Leave an upload that waits alone, and end any other."""
        if await self._waits(medium, job):
            self.report.add("uploads that still wait for their turn", medium.id)
            return
        await self._remove_parts(medium)
        if self.run.dry_run or await self._end(medium, job):
            self.report.add("uploads expired", medium.id)
            await self._remove_staged(medium)

    async def _waits(self, medium: Row[Any], job: Row[Any] | None) -> bool:
        """Return whether somebody will still come to this upload: only what is confirmed has a job."""
        if medium.status != MediaStatus.CONFIRMED or job is None or job.status not in jobs.OPEN:
            return False
        return await self._has_bytes(medium) or await self._is_announced(medium)

    async def _has_bytes(self, medium: Row[Any]) -> bool:
        """Look where the bytes were staged, and where admission takes them before the row says so."""
        candidates = [medium.original_key]
        if medium.sha256 is not None and medium.media_type in keys.EXTENSIONS:
            prefix = keys.permanent_prefix(medium.id, medium.sha256, medium.created_at)
            candidates.append(keys.original_key(prefix, medium.media_type))
        for store in self.premises.stores().values():
            for key in candidates:
                if key is not None and await store.stat(key) is not None:
                    return True
        return False

    async def _is_announced(self, medium: Row[Any]) -> bool:
        """Return whether a message about it may be on its way: admission then decides, and knows why."""
        async with self.premises.database.read(row_by_row=True) as session:
            if await announced(session, {medium.original_key}):
                return True
        return await announcements_wait(self.premises)

    async def _end(self, medium: Row[Any], job: Row[Any] | None) -> bool:
        """Expire the row and tell who waits; False when the upload was completed at this moment."""
        now = self.run.now
        async with self.premises.database.write() as session:
            if not await expiry.expire(session, medium, now=now):
                return False
            line = Happening(medium.id, EXPIRED, now, job_id=job.id if job else None, actor=ACTOR)
            await timeline.record(session, line)
            if job is not None and await jobs.fail_job(session, job.id, code=CODE, detail=DETAIL, now=now):
                await emit(session, _failure(medium, job))
            await purges.emit_due_purges(session, [medium.id], settings=self.platform)
        return True

    async def _remove_parts(self, medium: Row[Any]) -> None:
        """Remove what was sent of a large file, while the row still names it: no listing shows parts.

        Who confirms at this moment is told that nothing arrived, as a moment later that it is too late.
        """
        cloud = self.premises.cloud()
        if cloud is not None and medium.multipart_id is not None and not self.run.dry_run:
            await cloud.direct.abort_multipart(medium.original_key, medium.multipart_id)

    async def _remove_staged(self, medium: Row[Any]) -> None:
        """Remove what was staged; what a crash leaves behind here, the hourly sweep finds."""
        key = medium.original_key
        if key is None or not key.startswith(keys.TEMPORARY):
            return
        for store in self.premises.stores().values():
            found = await store.stat(key)
            if found is not None and (self.run.dry_run or await store.delete(key)):
                self.report.add("staged objects removed", key, size_bytes=found.size_bytes)


def _failure(medium: Row[Any], job: Row[Any]) -> MediaFailed:
    return MediaFailed(media_id=medium.id, job_id=job.id, user_id=medium.user_id, code=CODE, detail=DETAIL)
