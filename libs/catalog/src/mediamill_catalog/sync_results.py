"""Writes what workers report of the runs of jobs on record.

A report counts only for the newest run of its batch, and may come twice, late, or after the job was
cancelled: what is done stays done, and is done once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import SYNC_ITEMS, SYNC_JOBS
from mediamill_catalog.storage_claims import give_up
from mediamill_catalog.stored_media import StoredMedium, load_stored_media
from mediamill_catalog.sync_dispatch import dispatch, send_removal
from mediamill_catalog.sync_effects import OVERTAKEN, OVERTAKEN_DETAIL, record_effects
from mediamill_catalog.sync_operations import COPIED_FROM
from mediamill_catalog.sync_settling import OPEN, announce, lock_job, settle
from mediamill_catalog.tables import SyncItemStatus, SyncStatus
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import (
    MAX_FILES,
    RequestSync,
    SyncCancelled,
    SyncCompleted,
    SyncFailure,
    SyncProgressed,
    SyncRun,
)
from mediamill_outbox import emit


async def record_result(
    session: AsyncSession,
    event: SyncCompleted,
    *,
    s3: S3Location | None,
    now: datetime,
    trace_id: str | None = None,
) -> bool:
    """Write the end of a batch's run and send out what follows; False when there is no such job on record.

    `s3` is where S3 is by the settings of now.
    """
    job = await lock_job(session, event.sync_job_id)
    if job is None:
        return False
    if job.run != event.run:
        return True
    items = await _unfinished_items(session, job.id)
    done = await record_effects(session, event, items.keys(), s3=s3, now=now, trace_id=trace_id)
    source = COPIED_FROM.get(event.operation) if job.delete_source else None
    leaving = set[UUID]()
    if source is not None and job.status is not SyncStatus.CANCELLED:
        leaving = await give_up(session, done, source, now=now)
    after = SyncItemStatus.COPIED if source is not None else SyncItemStatus.DONE
    rows = await _reported_rows(session, event, items, done, after)
    if rows:
        await session.execute(_WRITE_ITEM, [row | {"new_updated_at": now} for row in rows])
    if source is not None and leaving:
        await send_removal(session, job, sorted(leaving), source, now=now)
    await settle(session, job.id, now=now)
    top = job.parent_id or job.id
    await dispatch(session, top, now=now)
    await announce(session, top)
    return True


async def record_progress(session: AsyncSession, event: SyncProgressed, *, now: datetime) -> None:
    """Write how far a run is; counts never fall. A run that was cancelled is told so again."""
    job = await lock_job(session, event.sync_job_id)
    if job is None or job.run != event.run:
        return
    if job.status is SyncStatus.CANCELLED:
        await emit(session, SyncCancelled(runs=(SyncRun(sync_job_id=job.id, run=job.run),)))
    if job.status not in OPEN:
        return
    before = await _finished_before(session, job.id)
    await session.execute(
        update(SYNC_JOBS)
        .where(SYNC_JOBS.c.id == job.id)
        .values(
            status=SyncStatus.ACTIVE,
            processed_files=max(job.processed_files, before.files + event.processed_files),
            failed_files=max(job.failed_files, before.failed + event.failed_files),
            processed_bytes=max(job.processed_bytes, before.bytes + event.processed_bytes),
            updated_at=now,
        )
    )
    if job.parent_id is not None:
        await settle(session, job.parent_id, now=now)


def lost_run(request: RequestSync, code: str, detail: str) -> SyncCompleted:
    """Return the report on a run that no worker will report on: all of it failed."""
    return SyncCompleted.of(
        request,
        status="failed",
        failures=tuple(
            SyncFailure(media_id=item.media_id, key=each.key, code=code, detail=detail)
            for item in request.items
            for each in item.objects
        )[:MAX_FILES],
    )


@dataclass(frozen=True)
class _Before:
    files: int
    failed: int
    bytes: int


async def _finished_before(session: AsyncSession, job_id: UUID) -> _Before:
    """Count the files of media that are not part of the present run."""
    items = SYNC_ITEMS.c
    found = await session.execute(
        select(
            func.sum(items.done_files), func.sum(items.files - items.done_files), func.sum(items.done_bytes)
        ).where(items.job_id == job_id, items.status.in_((SyncItemStatus.DONE, SyncItemStatus.FAILED)))
    )
    return _Before(*(int(value or 0) for value in found.one()))


async def _unfinished_items(session: AsyncSession, job_id: UUID) -> dict[UUID, Row[Any]]:
    found = await session.execute(
        select(SYNC_ITEMS).where(SYNC_ITEMS.c.job_id == job_id, SYNC_ITEMS.c.status != SyncItemStatus.DONE)
    )
    return {row.media_id: row for row in found}


_WRITE_ITEM = (
    update(SYNC_ITEMS)
    .where(SYNC_ITEMS.c.job_id == bindparam("of_job"), SYNC_ITEMS.c.media_id == bindparam("of_media"))
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in ("status", "done_files", "done_bytes", "code", "detail", "objects", "updated_at")
        }
    )
)


async def _reported_rows(
    session: AsyncSession,
    event: SyncCompleted,
    items: Mapping[UUID, Row[Any]],
    done: set[UUID],
    status_when_done: SyncItemStatus,
) -> list[dict[str, Any]]:
    """Return the parameters of `_WRITE_ITEM` for each item that the report says something about."""
    failures: dict[UUID, list[SyncFailure]] = {}
    for failure in event.failures:
        failures.setdefault(failure.media_id, []).append(failure)
    reported = [
        item for media_id, item in items.items() if media_id in done or _failed(event, item, failures)
    ]
    stored = await load_stored_media(session, [item.media_id for item in reported])
    rows = []
    for item in reported:
        told = failures.get(item.media_id, [])
        objects = _objects_of(stored.get(item.media_id), told)
        if item.media_id in done:
            outcome = _done(item, objects, status_when_done)
        else:
            outcome = _not_done(event, item, objects, told)
        values = {f"new_{name}": value for name, value in outcome.items()}
        rows.append({"of_job": item.job_id, "of_media": item.media_id, **values})
    return rows


def _failed(event: SyncCompleted, item: Row[Any], failures: Mapping[UUID, list[SyncFailure]]) -> bool:
    """Tell whether the run failed for a medium; one that a cancelled run did not reach stays as it is."""
    if item.media_id in failures or item.media_id in event.done:
        return True
    return event.status != "cancelled" and item.status is not SyncItemStatus.FAILED


def _done(item: Row[Any], objects: list[dict[str, Any]], status: SyncItemStatus) -> dict[str, Any]:
    return {
        "status": status,
        "done_files": item.files,
        "done_bytes": item.size_bytes,
        "code": None,
        "detail": None,
        "objects": objects,
    }


def _not_done(
    event: SyncCompleted, item: Row[Any], objects: list[dict[str, Any]], failures: list[SyncFailure]
) -> dict[str, Any]:
    if item.media_id in event.done:
        code, detail = OVERTAKEN, OVERTAKEN_DETAIL
    elif failures:
        code, detail = failures[0].code, failures[0].detail
    else:
        code, detail = "not_reported", "The worker did not say what became of it."
    made_it = [each for each in objects if failures and not each.get("code")]
    if not made_it:
        objects = [{"code": code, "detail": detail} | each for each in objects]
    return {
        "status": SyncItemStatus.FAILED,
        "done_files": min(len(made_it), item.files - 1),
        "done_bytes": sum(each["sizeBytes"] for each in made_it),
        "code": code,
        "detail": detail,
        "objects": objects,
    }


def _objects_of(medium: StoredMedium | None, failures: list[SyncFailure]) -> list[dict[str, Any]]:
    """Return what became of each object, for the job's results."""
    known = medium.objects("local") if medium is not None else ()
    sizes = {each.key: each.size_bytes for each in known} | {
        failure.key: 0 for failure in failures if medium is None
    }
    told = {failure.key: {"code": failure.code, "detail": failure.detail} for failure in failures}
    return [{"key": key, "sizeBytes": size} | told.get(key, {}) for key, size in sizes.items()]
