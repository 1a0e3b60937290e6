"""Sends batches to the workers: a few of a job at once, so that neither queue nor outbox fills with one job.

What one operator asked for thus never stands long before the transfers that follow from uploads.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import SYNC_JOBS
from mediamill_catalog.stored_media import StoredMedium, load_stored_media
from mediamill_catalog.sync_admission import admit_media
from mediamill_catalog.sync_operations import COPIED_FROM, REMOVAL_FROM, REMOVED_FROM
from mediamill_catalog.sync_settling import OPEN, settle
from mediamill_catalog.tables import StorageStatus
from mediamill_contracts.recipe import Store
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import RequestSync, SyncItem, SyncOperation
from mediamill_outbox import emit

BATCHES_IN_FLIGHT = 8
"""Batches of one job that are with the workers or in their queue."""


async def dispatch(session: AsyncSession, top_id: UUID, *, now: datetime) -> None:
    """Send out batches of the job, in their order, until enough are in flight; the family is locked.

    A batch of which nothing can be done ends at once, and the next one takes its turn.
    """
    own = or_(SYNC_JOBS.c.id == top_id, SYNC_JOBS.c.parent_id == top_id)
    open_batches = (own, SYNC_JOBS.c.is_parent.is_(False), SYNC_JOBS.c.status.in_(OPEN))
    in_flight = select(func.count()).where(*open_batches, SYNC_JOBS.c.sent_at.is_not(None))
    waiting = (
        select(SYNC_JOBS)
        .where(*open_batches, SYNC_JOBS.c.sent_at.is_(None))
        .order_by(SYNC_JOBS.c.batch_index)
    )
    room = BATCHES_IN_FLIGHT - (await session.execute(in_flight)).scalar_one()
    while room > 0:
        following = (await session.execute(waiting.limit(room))).all()
        if not following:
            return
        for batch in following:
            room -= await _send_out(session, batch, now)


async def send_removal(
    session: AsyncSession, batch: Row[Any], media_ids: Sequence[UUID], store: Store, *, now: datetime
) -> None:
    """Send out, as the batch's next run, the removal of what its copies were made from."""
    stored = await load_stored_media(session, media_ids)
    await session.execute(
        update(SYNC_JOBS)
        .where(SYNC_JOBS.c.id == batch.id)
        .values(run=batch.run + 1, sent_at=now, updated_at=now)
    )
    await emit(session, _request(batch, batch.run + 1, REMOVAL_FROM[store], list(stored.values()), now))


async def _send_out(session: AsyncSession, batch: Row[Any], now: datetime) -> bool:
    """Send out what of the batch can be done; return whether that is anything."""
    admitted = await admit_media(session, batch, now=now)
    await session.execute(
        update(SYNC_JOBS).where(SYNC_JOBS.c.id == batch.id).values(sent_at=now, updated_at=now)
    )
    if admitted:
        await emit(session, _request(batch, batch.run, batch.operation, admitted, now))
    await settle(session, batch.id, now=now)
    return bool(admitted)


def _request(
    batch: Row[Any], run: int, operation: SyncOperation, stored: Sequence[StoredMedium], now: datetime
) -> RequestSync:
    items = [
        SyncItem(
            media_id=each.row.id,
            objects=each.objects(_store_of(operation, each, batch)),
            claimed=each.row.storage_status is StorageStatus.BOTH,
        )
        for each in stored
    ]
    return RequestSync(
        sync_job_id=batch.id,
        parent_job_id=batch.parent_id,
        batch_index=batch.batch_index,
        run=run,
        requested_at=now,
        operation=operation,
        delete_source=batch.delete_source,
        items=tuple(items),
        s3=S3Location.model_validate(batch.location) if batch.location else None,
        requested_by=batch.requested_by,
    )


def _store_of(operation: SyncOperation, medium: StoredMedium, batch: Row[Any]) -> Store:
    """Return the store that an item's objects are named in.

    Where there is no S3, nothing has to be removed from it, unless the record has it that something is there.
    """
    fixed = (COPIED_FROM | REMOVED_FROM).get(operation)
    if fixed is not None:
        return fixed
    status = medium.row.storage_status
    s3_too = batch.delete_source and (batch.location is not None or status is StorageStatus.BOTH)
    return "s3" if s3_too or status is StorageStatus.S3 else "local"
