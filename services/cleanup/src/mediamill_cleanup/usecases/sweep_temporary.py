"""Removes staged bytes that nothing refers to: their process died between staging and commit."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import structlog

from mediamill_catalog.references import staged_in_use
from mediamill_cleanup.batches import batched
from mediamill_cleanup.duty import Run
from mediamill_cleanup.premises import Premises
from mediamill_cleanup.report import Report
from mediamill_contracts.topology import INGEST_ADMISSION
from mediamill_storage.keys import TEMPORARY
from mediamill_storage.object_store import ObjectStat, ObjectStore

UNSEEN_AGE = timedelta(days=7)
"""Age to wait for while announcements that nobody can look into may be waiting; none waits longer."""

_log = structlog.get_logger(__name__)


async def sweep_temporary(premises: Premises, age: timedelta, run: Run) -> Report:
    """Remove unfinished files and staged objects that are older than `age` and that nothing refers to."""
    report = run.report()
    unfinished = await premises.local.clean_abandoned(age.total_seconds(), dry_run=run.dry_run)
    report.count("unfinished files removed", unfinished)
    if await _may_be_announced(premises):
        age = max(age, UNSEEN_AGE)
        report.note(f"uploads wait for admission: only what is older than {age.days} days was looked at")
    for store in premises.stores().values():
        async for batch in batched(_older(store, run.now - age)):
            await _remove_unused(premises, store, batch, report)
    return report


async def _may_be_announced(premises: Premises) -> bool:
    """Return whether the broker may hold announcements of uploads that no row knows of yet."""
    try:
        return (await premises.depths()).get(INGEST_ADMISSION.name, 0) > 0
    except Exception as error:  # noqa: BLE001 - whoever cannot tell may hold some
        _log.warning("the depth of the queues is not known", error=f"{type(error).__name__}: {error}")
        return True


async def _older(store: ObjectStore, limit: datetime) -> AsyncIterator[ObjectStat]:
    async for found in store.list(TEMPORARY):
        if found.modified_at < limit:
            yield found


async def _remove_unused(
    premises: Premises, store: ObjectStore, batch: list[ObjectStat], report: Report
) -> None:
    async with premises.database.read() as session:
        used = await staged_in_use(session, [found.key for found in batch])
    for found in batch:
        if found.key not in used and (report.dry_run or await store.delete(found.key)):
            report.add("staged objects removed", found.key, size_bytes=found.size_bytes)
