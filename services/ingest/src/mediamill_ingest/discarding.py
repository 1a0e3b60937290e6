"""Removes what was stored for a medium that nobody waits for any more.

The objects go while the medium's row is locked, so that nothing can begin to use them again half way; when
the transaction fails, the message comes again and finds the same decision.
"""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import jobs, media
from mediamill_catalog.tables import JobStatus, MediaStatus, utc_now
from mediamill_contracts.media import JobMessage, MediaProcessed, MediaRejected
from mediamill_database import Database
from mediamill_ingest.current_stores import CurrentStores
from mediamill_storage.object_store import ObjectStore


async def drop_unwanted_original(
    database: Database, store: ObjectStore, event: JobMessage, *keys: str
) -> None:
    """Remove the original of a medium that is gone or whose job was cancelled; else leave it."""
    async with database.write() as session:
        await _drop_if_unwanted(session, store, event, keys)


async def drop_late_result(session: AsyncSession, store: ObjectStore, event: MediaProcessed) -> None:
    """Deal with a result whose medium was not open when it came.

    Gone or cancelled: everything goes. FAILED: the variants go, the original stays for a replay. READY: this
    is a repetition, and the objects are the ones in use.
    """
    variants = [variant.object.key for variant in event.variants]
    medium = await media.find(session, event.media_id, lock=True)
    if await _drop_if_unwanted(session, store, event, [*variants, event.source.key]):
        return
    if medium is not None and medium.status == MediaStatus.FAILED:
        await _delete(store, variants)


async def drop_late_quarantine(session: AsyncSession, stores: CurrentStores, event: MediaRejected) -> None:
    """Remove the refused bytes of a medium that is gone or whose job was cancelled."""
    if event.quarantine_key is not None:
        store = stores.of(event.quarantine_store)
        await _drop_if_unwanted(session, store, event, [event.quarantine_key])


async def _drop_if_unwanted(
    session: AsyncSession, store: ObjectStore, event: JobMessage, keys: Iterable[str]
) -> bool:
    medium = await media.find(session, event.media_id, lock=True)
    if medium is None:
        await _delete(store, keys)
        return True
    job = await jobs.find(session, event.job_id)
    if job is None or job.media_id != event.media_id or job.status != JobStatus.CANCELLED:
        return False
    await _delete(store, keys)
    await media.forget_original(session, event.media_id, now=utc_now())
    return True


async def _delete(store: ObjectStore, keys: Iterable[str]) -> None:
    for key in keys:
        await store.delete(key)
