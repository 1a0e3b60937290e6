"""Removes staged bytes that nothing refers to: their process died between staging and commit."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from mediamill_catalog.references import staged_in_use
from mediamill_cleanup.announcements import UNSEEN_AGE, may_be_announced
from mediamill_cleanup.batches import batched
from mediamill_cleanup.duty import Run
from mediamill_cleanup.premises import Premises
from mediamill_cleanup.report import Report
from mediamill_storage.keys import TEMPORARY
from mediamill_storage.object_store import ObjectStat, ObjectStore


async def sweep_temporary(premises: Premises, age: timedelta, run: Run) -> Report:
    """Remove unfinished files and staged objects that are older than `age` and that nothing refers to."""
    report = run.report()
    unfinished = await premises.local.clean_abandoned(age.total_seconds(), dry_run=run.dry_run)
    report.count("unfinished files removed", unfinished)
    if await may_be_announced(premises):
        age = max(age, UNSEEN_AGE)
        report.note(f"uploads wait for admission: only what is older than {age.days} days was looked at")
    for store in premises.stores().values():
        async for batch in batched(_older(store, run.now - age)):
            await _remove_unused(premises, store, batch, report)
    return report


async def _older(store: ObjectStore, limit: datetime) -> AsyncIterator[ObjectStat]:
    async for found in store.list(TEMPORARY):
        if found.modified_at < limit:
            yield found


async def _remove_unused(
    premises: Premises, store: ObjectStore, batch: list[ObjectStat], report: Report
) -> None:
    async with premises.database.read(row_by_row=True) as session:
        used = await staged_in_use(session, [found.key for found in batch])
    for found in batch:
        if found.key not in used and (report.dry_run or await store.delete(found.key)):
            report.add("staged objects removed", found.key, size_bytes=found.size_bytes)
