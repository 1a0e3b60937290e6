"""Removes staged bytes that no upload refers to: their process died between staging and commit."""

from datetime import timedelta

from mediamill_catalog import media
from mediamill_catalog.tables import utc_now
from mediamill_database import Database
from mediamill_storage.keys import TEMPORARY
from mediamill_storage.local import LocalObjectStore

_BATCH = 500


async def sweep_staging(database: Database, store: LocalObjectStore, *, older_than_seconds: float) -> int:
    """Remove what was abandoned so long ago; return how many objects and unfinished files that were."""
    limit = utc_now() - timedelta(seconds=older_than_seconds)
    removed = await store.clean_abandoned(older_than_seconds)
    batch: list[str] = []
    async for found in store.list(TEMPORARY):
        if found.modified_at < limit:
            batch.append(found.key)
        if len(batch) == _BATCH:
            removed += await _remove_unused(database, store, batch)
            batch = []
    return removed + await _remove_unused(database, store, batch)


async def _remove_unused(database: Database, store: LocalObjectStore, keys: list[str]) -> int:
    if not keys:
        return 0
    async with database.read() as session:
        used = await media.keys_in_use(session, keys)
    return sum([await store.delete(key) for key in keys if key not in used])
