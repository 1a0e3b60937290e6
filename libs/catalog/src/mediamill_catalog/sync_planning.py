"""Cuts what an operator asks for into batches, writes them down and sends out the first ones.

A request for few files is one job. A larger one is a parent whose children are its batches. A filter may fit
all there is, so media are read, and batches written, some hundreds at a time: memory does not grow with them.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import SYNC_ITEMS, SYNC_JOBS
from mediamill_catalog.listing import MediaFilter
from mediamill_catalog.sync_dispatch import dispatch
from mediamill_catalog.sync_selection import PlannedItem, into_batches, select_items
from mediamill_catalog.sync_settling import announce
from mediamill_catalog.tables import SyncItemStatus, SyncStatus
from mediamill_contracts.ids import new_id
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import MAX_FILES, SyncOperation

_ITEMS_AT_ONCE = 1_000
"""Items written with one statement."""


class NothingToSyncError(Exception):
    """No medium fits the request."""


@dataclass(frozen=True)
class SyncLimits:
    """How a request is cut into batches. Counts are files: a medium's original and its variants."""

    split_from: int = 100
    """Files from which on a request becomes a parent with batches."""
    batch_files: int = MAX_FILES
    """Files in one batch; one medium's files stay together."""

    def __post_init__(self) -> None:
        """Refuse what does not fit one message."""
        if not 1 <= self.split_from <= MAX_FILES or not 1 <= self.batch_files <= MAX_FILES:
            raise ValueError(f"batches hold 1 to {MAX_FILES} files")

    @classmethod
    def of_dialect(cls, dialect: str) -> "SyncLimits":
        """Return the defaults for PostgreSQL or SQLite, where one writer serves everybody."""
        return cls(split_from=50, batch_files=50) if dialect == "sqlite" else cls()


@dataclass(frozen=True)
class SyncRequest:
    """What an operator asks for: an operation on media named by `media_ids`, or by `wanted`."""

    operation: SyncOperation
    requested_by: str
    media_ids: Sequence[UUID] = ()
    wanted: MediaFilter | None = None
    delete_source: bool = False
    """Of copies: the source is removed once the copy is on record. Of `hard_delete`: what is in S3 goes even
    where it is here too."""
    s3: S3Location | None = None
    """Where S3 is, by the settings of now."""


async def plan(
    session: AsyncSession,
    request: SyncRequest,
    limits: SyncLimits,
    *,
    now: datetime,
    job_id: UUID | None = None,
) -> UUID:
    """Write the job with its batches, send out the first ones, and return its id: `job_id`, if it has one.

    Media that the operation is not possible for become failed items, with a code of
    `sync_admission.REFUSALS`. Raises NothingToSyncError.
    """
    job_id = job_id or new_id()
    found = select_items(session, request.operation, request.media_ids, request.wanted)
    few, files = await _until(found, limits.split_from)
    if not few:
        raise NothingToSyncError
    job = _job(request, job_id, few, now)
    if files < limits.split_from:
        await _insert(session, [job], _rows(job, few))
    else:
        batches = into_batches(_chained(few, found), limits.batch_files)
        await _insert_family(session, request, job | {"is_parent": True}, batches)
    await dispatch(session, job_id, now=now)
    await announce(session, job_id)
    return job_id


def location_row(s3: S3Location | None) -> dict[str, Any] | None:
    """Return where S3 is as a job keeps it."""
    return None if s3 is None else s3.model_dump(mode="json")


async def _until(found: AsyncIterator[PlannedItem], files: int) -> tuple[list[PlannedItem], int]:
    """Take items until they have so many files; return them and how many these are."""
    taken: list[PlannedItem] = []
    counted = 0
    async for item in found:
        taken.append(item)
        counted += item.files
        if counted >= files:
            break
    return taken, counted


async def _chained(
    first: Sequence[PlannedItem], rest: AsyncIterator[PlannedItem]
) -> AsyncIterator[PlannedItem]:
    for item in first:
        yield item
    async for item in rest:
        yield item


def _job(request: SyncRequest, job_id: UUID, items: Sequence[PlannedItem], now: datetime) -> dict[str, Any]:
    return {
        "id": job_id,
        "parent_id": None,
        "is_parent": False,
        "operation": request.operation,
        "delete_source": request.delete_source,
        "status": SyncStatus.WAITING,
        "batch_index": 0,
        "batch_size": len(items),
        "run": 0,
        "location": location_row(request.s3),
        "total_files": sum(item.files for item in items),
        "processed_files": 0,
        "failed_files": 0,
        "processed_bytes": 0,
        "requested_by": request.requested_by,
        "created_at": now,
        "updated_at": now,
    }


def _rows(job: dict[str, Any], items: Sequence[PlannedItem]) -> list[dict[str, Any]]:
    return [
        {
            "job_id": job["id"],
            "media_id": item.media_id,
            "files": item.files,
            "size_bytes": item.size_bytes,
            "done_files": 0,
            "done_bytes": 0,
            "status": SyncItemStatus.PENDING,
            "objects": [],
            "updated_at": job["updated_at"],
        }
        for item in items
    ]


async def _insert_family(
    session: AsyncSession,
    request: SyncRequest,
    parent: dict[str, Any],
    batches: AsyncIterator[list[PlannedItem]],
) -> None:
    """Write the parent and its batches, and then how much that is."""
    jobs, rows = [parent], []
    number = files = 0
    async for batch in batches:
        job = _job(request, new_id(), batch, parent["created_at"])
        jobs.append(job | {"parent_id": parent["id"], "batch_index": number})
        rows += _rows(job, batch)
        number += 1
        files += job["total_files"]
        if len(rows) >= _ITEMS_AT_ONCE:
            await _insert(session, jobs, rows)
            jobs, rows = [], []
    await _insert(session, jobs, rows)
    await session.execute(
        update(SYNC_JOBS).where(SYNC_JOBS.c.id == parent["id"]).values(batch_size=number, total_files=files)
    )


async def _insert(
    session: AsyncSession, jobs: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]
) -> None:
    if jobs:
        await session.execute(insert(SYNC_JOBS).inline(), jobs)
        await session.execute(insert(SYNC_ITEMS).inline(), rows)
