"""Transfers that nobody asked for by hand: they follow from an upload's strategy and have no job on record.

`media.storage_status` tells whether they are done. What failed leaves a line in the medium's timeline and is
asked for again by the periodic duties.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.storage_claims import give_up
from mediamill_catalog.stored_media import StoredMedium, load_stored_media
from mediamill_catalog.sync_effects import record_effects
from mediamill_catalog.sync_operations import COPIED_FROM, COPY_TO, REMOVAL_FROM
from mediamill_contracts.ids import repeatable_id
from mediamill_contracts.recipe import ObjectRef, Store
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import RequestSync, SyncCompleted, SyncItem, SyncOperation
from mediamill_outbox import emit

SYSTEM = "system"
"""Who asks for automatic transfers."""


async def request_copy(
    session: AsyncSession,
    media_ids: Collection[UUID],
    target: Store,
    *,
    s3: S3Location,
    now: datetime,
    delete_source: bool = False,
) -> None:
    """Ask for the copying of READY media to a store; with `delete_source` they then leave the other one."""
    source: Store = "local" if target == "s3" else "s3"
    stored = await load_stored_media(session, media_ids)
    for medium in stored.values():
        request = _request(medium, COPY_TO[target], medium.objects(source), s3, now)
        await emit(session, request.model_copy(update={"delete_source": delete_source}))


async def request_removal(
    session: AsyncSession,
    media_ids: Collection[UUID],
    store: Store,
    *,
    s3: S3Location | None,
    now: datetime,
    keys: Sequence[str] | None = None,
) -> set[UUID]:
    """Give a store up, where it is not the only one, and ask for the removal of the objects in it.

    `keys` limits it to some of them. Until the removal has ended, the store is not claimed again. Returns the
    media that leave it.
    """
    leaving = await give_up(session, media_ids, store, now=now)
    stored = await load_stored_media(session, leaving)
    for medium in stored.values():
        objects = [each for each in medium.objects(store) if keys is None or each.key in keys]
        await emit(session, _request(medium, REMOVAL_FROM[store], objects, s3, now))
    return leaving


async def record_automatic(
    session: AsyncSession,
    event: SyncCompleted,
    *,
    s3: S3Location | None,
    now: datetime,
    trace_id: str | None = None,
) -> None:
    """Write the end of an automatic run; it may come twice or late."""
    media_ids = {*event.done, *(failure.media_id for failure in event.failures)}
    done = await record_effects(session, event, media_ids, s3=s3, now=now, trace_id=trace_id)
    source = COPIED_FROM.get(event.operation)
    if source is not None and event.delete_source:
        await request_removal(session, done, source, s3=s3, now=now)


def _request(
    medium: StoredMedium,
    operation: SyncOperation,
    objects: Sequence[ObjectRef],
    s3: S3Location | None,
    now: datetime,
) -> RequestSync:
    return RequestSync(
        sync_job_id=repeatable_id(medium.row.id, "auto-sync"),
        run=int(now.timestamp() * 1_000),
        requested_at=now,
        operation=operation,
        items=(SyncItem(media_id=medium.row.id, objects=tuple(objects)),),
        s3=s3,
        requested_by=SYSTEM,
    )
