"""Finds objects without rows and rows without objects, in either store.

Listing comes first, then the rows, then each suspect is judged once more by what rows say at that moment:
whatever appears, moves or is restored meanwhile is at worst left for the next time. What is younger than a
day, what somebody works on and what is about to be purged anyway is never judged.
"""

from mediamill_catalog import inventory
from mediamill_catalog.placement import stores_of
from mediamill_catalog.stored_media import StoredMedium
from mediamill_catalog.tables import MediaStatus
from mediamill_cleanup.batches import BATCH, batched
from mediamill_cleanup.reconciliation.missing import judge_missing
from mediamill_cleanup.reconciliation.object_index import ObjectIndex
from mediamill_cleanup.reconciliation.scope import Scope
from mediamill_cleanup.reconciliation.unnamed import judge_unnamed
from mediamill_cleanup.report import Report
from mediamill_contracts.recipe import Store
from mediamill_storage.keys import PERMANENT, QUARANTINE, TEMPORARY


async def reconcile(scope: Scope) -> Report:
    """Compare, and mend unless it is a dry run; the report names up to 100 of each kind."""
    report = scope.run.report()
    with ObjectIndex.temporary() as index:
        for name, store in scope.stores.items():
            for prefix in (TEMPORARY, PERMANENT, QUARANTINE):
                async for batch in batched(store.list(prefix)):
                    index.add(name, batch)
        await _go_through_rows(scope, index, report)
        for suspects in index.unnamed(BATCH, before=scope.limit):
            await judge_unnamed(scope, index, suspects, report)
    return report


async def _go_through_rows(scope: Scope, index: ObjectIndex, report: Report) -> None:
    """Mark what rows name, protect what is in work, and judge what rows name in vain."""
    after = None
    while True:
        async with scope.premises.database.read() as session:
            page = await inventory.page_of_media(session, count=BATCH, after=after)
        if not page:
            return
        after = page[-1].row.id
        index.protect(prefix for medium in page for prefix in inventory.prefixes_in_work(medium.row))
        for store in scope.stores:
            for medium in page:
                if _name(index, store, medium) and inventory.is_settled(medium.row, before=scope.limit):
                    await judge_missing(scope, store, medium.row.id, report)


def _name(index: ObjectIndex, store: Store, medium: StoredMedium) -> set[str]:
    """Mark what a medium names in a store; return what it claims there and the store does not list."""
    if medium.row.status != MediaStatus.READY:
        index.name(store, [medium.row.original_key] if medium.row.original_key else [])
        return set()
    if store not in stores_of(medium.row.storage_status):
        return set()
    return index.name(store, {each.key for each in medium.objects(store)})
