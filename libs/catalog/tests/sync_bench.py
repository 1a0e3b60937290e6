"""Drives sync jobs in tests the way routes, workers and records do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select

from mediamill_catalog import media, sync_jobs, sync_planning
from mediamill_catalog.core import MEDIA, VARIANTS
from mediamill_catalog.sync_planning import SyncLimits, SyncRequest
from mediamill_catalog.sync_results import record_result
from mediamill_catalog.tables import SyncStatus
from mediamill_contracts import Message
from mediamill_contracts.ids import new_id
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import RequestSync, SyncCompleted, SyncFailure
from mediamill_contracts.sync import SyncStatus as ReportedStatus
from mediamill_database import Database
from mediamill_outbox.tables import outbox
from mediamill_testing.rows import medium_row, variant_row

NOW = datetime(2026, 5, 17, 12, 0, tzinfo=UTC)
S3 = S3Location(bucket="media")
SMALL = SyncLimits(split_from=5, batch_files=4)
ORIGINAL, THUMB = 1_000, 100
M = TypeVar("M", bound=Message)


@dataclass
class Clock:
    """Moves on with every look, so that no two transactions share a time."""

    now: datetime = NOW

    def tick(self) -> datetime:
        """Return a time later than all before."""
        self.now += timedelta(seconds=1)
        return self.now


@dataclass
class SyncBench:
    """Drives sync jobs the way routes, workers and records do."""

    database: Database
    clock: Clock
    s3: S3Location | None = S3
    """Where S3 is by the settings of now."""

    async def add(self, count: int = 1, **changes: Any) -> list[UUID]:
        """Add READY media of two objects each."""
        ids = [new_id() for _ in range(count)]
        rows = [medium_row(media_id, now=NOW, **({"size_bytes": ORIGINAL} | changes)) for media_id in ids]
        variants = [variant_row(media_id, "thumb", size_bytes=THUMB) for media_id in ids]
        async with self.database.write() as session:
            for row in rows:
                await session.execute(MEDIA.insert().values(row))
            await session.execute(VARIANTS.insert(), variants)
        return ids

    async def plan(
        self, operation: Any, ids: Sequence[UUID], limits: SyncLimits = SMALL, **more: Any
    ) -> UUID:
        """Ask for an operation on these media."""
        request = SyncRequest(operation, "root", media_ids=ids, s3=self.s3, **more)
        async with self.database.write() as session:
            return await sync_planning.plan(session, request, limits, now=self.clock.tick())

    async def report(
        self,
        request: RequestSync,
        failed: dict[UUID, str] | None = None,
        *,
        status: ReportedStatus | None = None,
        reached: int | None = None,
    ) -> None:
        """Report a run as a worker does; media in `failed` lose their variant with this code."""
        event = completed(request, failed or {}, status, reached)
        async with self.database.write() as session:
            await record_result(session, event, s3=self.s3, now=self.clock.tick())

    async def sent(self, kind: type[M]) -> list[M]:
        """Return all messages of a type that were emitted so far, oldest first."""
        async with self.database.read() as session:
            found = await session.execute(
                select(outbox.c.payload).where(outbox.c.type == kind.wire_name).order_by(outbox.c.id)
            )
        return [kind.model_validate_json(payload) for payload in found.scalars()]

    async def job(self, job_id: UUID) -> sync_jobs.SyncJobDetails:
        """Return the job as routes show it."""
        async with self.database.read() as session:
            details = await sync_jobs.find(session, job_id)
        assert details is not None
        return details

    async def counts(self, job_id: UUID) -> tuple[SyncStatus, int, int, int, int]:
        """Return status, total, processed and failed files, and bytes."""
        job = (await self.job(job_id)).job
        return job.status, job.total_files, job.processed_files, job.failed_files, job.processed_bytes

    async def claims(self, ids: Sequence[UUID]) -> set[str]:
        """Return the storage statuses of media."""
        async with self.database.read() as session:
            return {row.storage_status.value for row in (await media.find_many(session, ids)).values()}


def completed(
    request: RequestSync,
    failed: dict[UUID, str],
    status: ReportedStatus | None = None,
    reached: int | None = None,
) -> SyncCompleted:
    """Return a worker's report on a run of which `reached` media were tried."""
    items = request.items[:reached]
    failures = tuple(
        SyncFailure(media_id=item.media_id, key=item.objects[-1].key, code=failed[item.media_id], detail="x")
        for item in items
        if item.media_id in failed
    )
    done = tuple(item.media_id for item in items if item.media_id not in failed)
    return SyncCompleted.of(
        request,
        status=status or ("partial_failed" if failures else "completed"),
        processed_files=sum(len(item.objects) for item in items) - len(failures),
        done=done,
        failures=failures,
    )
