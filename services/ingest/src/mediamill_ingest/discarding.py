"""Removes what was stored for a medium that nobody waits for any more.

What is in local storage goes while the medium's row is locked, so that nothing can begin to use it again half
way; when the transaction fails, the message comes again and finds the same decision. What is in S3 is left to
the service that reaches it in its own time: no transaction waits for another machine.
"""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import jobs, media
from mediamill_catalog.tables import JobStatus, MediaStatus, utc_now
from mediamill_contracts.media import JobMessage, MediaProcessed, MediaRejected
from mediamill_contracts.recipe import Store
from mediamill_contracts.sync import RequestPurge
from mediamill_database import Database
from mediamill_ingest.current_stores import CurrentStores
from mediamill_outbox import emit

_SYSTEM = "system"


async def drop_unwanted_original(
    database: Database, stores: CurrentStores, event: JobMessage, store: Store, key: str
) -> None:
    """Remove the original of a medium that is gone or whose job was cancelled; else leave it."""
    async with database.write() as session:
        await _drop_if_unwanted(session, stores, event, [key], {store})


async def drop_late_result(session: AsyncSession, stores: CurrentStores, event: MediaProcessed) -> None:
    """Deal with a result whose medium was not open when it came.

    Gone, to be purged, or cancelled: everything goes. FAILED: the variants go, the original stays for a
    replay. READY: this is a repetition, and the objects are the ones in use.
    """
    variants = [variant.object.key for variant in event.variants]
    medium = await media.find(session, event.media_id, lock=True)
    places = {*event.stored_in, event.source.store}
    if await _drop_if_unwanted(session, stores, event, [*variants, event.source.key], places):
        return
    if medium is not None and medium.status == MediaStatus.FAILED:
        for key in variants:  # in S3 a replay replaces them, and a purge finds them
            await stores.local.delete(key)


async def drop_late_quarantine(session: AsyncSession, stores: CurrentStores, event: MediaRejected) -> None:
    """Remove the refused bytes of a medium that is gone or whose job was cancelled."""
    if event.quarantine_key is not None:
        await _drop_if_unwanted(session, stores, event, [event.quarantine_key], {event.quarantine_store})


async def _drop_if_unwanted(
    session: AsyncSession,
    stores: CurrentStores,
    event: JobMessage,
    keys: Collection[str],
    places: Collection[Store],
) -> bool:
    medium = await media.find(session, event.media_id, lock=True)
    if medium is None or medium.purge_requested_at is not None:
        await _remove(session, stores, event, keys, places)
        return True
    job = await jobs.find(session, event.job_id)
    if job is None or job.media_id != event.media_id or job.status != JobStatus.CANCELLED:
        return False
    await _remove(session, stores, event, keys, places)
    await media.forget_original(session, event.media_id, now=utc_now())
    return True


async def _remove(
    session: AsyncSession,
    stores: CurrentStores,
    event: JobMessage,
    keys: Collection[str],
    places: Collection[Store],
) -> None:
    if "local" in places:
        for key in keys:
            await stores.local.delete(key)
    if "s3" in places:
        await emit(
            session,
            RequestPurge(
                media_id=event.media_id,
                user_id=event.user_id,
                keys=tuple(keys),
                stores=("s3",),
                final=False,
                s3=stores.settings().known_s3_location,
                requested_by=_SYSTEM,
            ),
        )
