"""Removes refused bytes after the time in which somebody may want to look at them."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from mediamill_catalog import media
from mediamill_catalog.references import owners
from mediamill_cleanup.batches import batched
from mediamill_cleanup.duty import Run
from mediamill_cleanup.premises import Premises
from mediamill_cleanup.report import Report
from mediamill_storage.keys import QUARANTINE
from mediamill_storage.object_store import ObjectStat, ObjectStore


async def clear_quarantine(premises: Premises, age: timedelta, run: Run) -> Report:
    """Remove objects under `failed/` that are older than `age`; rows stop naming them first."""
    report = run.report()
    for store in premises.stores().values():
        async for batch in batched(_older(store, run.now - age)):
            if not run.dry_run:
                await _forget(premises, [found.key for found in batch], run.now)
            for found in batch:
                if run.dry_run or await store.delete(found.key):
                    report.add("quarantined objects removed", found.key, size_bytes=found.size_bytes)
    return report


async def _older(store: ObjectStore, limit: datetime) -> AsyncIterator[ObjectStat]:
    async for found in store.list(QUARANTINE):
        if found.modified_at < limit:
            yield found


async def _forget(premises: Premises, keys: list[str], now: datetime) -> None:
    async with premises.database.write() as session:
        for medium in (await owners(session, keys)).values():
            await media.forget_original(session, medium.id, now=now)
