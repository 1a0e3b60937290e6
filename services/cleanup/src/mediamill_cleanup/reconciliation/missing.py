"""Judges media that claim more of a store than it has."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import inventory, media
from mediamill_catalog.placement import stores_of, wanted_stores
from mediamill_catalog.storage_claims import other_store
from mediamill_catalog.stored_media import StoredMedium, load_stored_media
from mediamill_catalog.sync_automatic import request_copy, request_removal
from mediamill_cleanup.reconciliation.scope import Scope
from mediamill_cleanup.report import Report
from mediamill_contracts.recipe import Store

INCOMPLETE = "media with missing objects that are whole in the other store"
LOST = "media with objects that are in no store"


async def judge_missing(scope: Scope, store: Store, media_id: UUID, report: Report) -> None:
    """Look again; where the other store is whole, have it copied from there, or the claim given up.

    What is lost stays as it is: a backup that is put back makes it whole again, a changed row does not.
    """
    async with scope.premises.database.read() as session:
        medium = (await load_stored_media(session, [media_id])).get(media_id)
    if medium is None or not _claims(scope, medium, store):
        return
    missing = await _missing_in(scope, medium, store)
    if not missing:
        return
    if await _missing_in(scope, medium, other_store(store)):
        report.add(LOST, *(f"{media_id} {store}: {key}" for key in missing))
        return
    report.add(INCOMPLETE, f"{media_id} {store}")
    if not scope.run.dry_run:
        async with scope.premises.database.write() as session:
            await _mend(session, scope, store, media_id)


def _claims(scope: Scope, medium: StoredMedium, store: Store) -> bool:
    settled = inventory.is_settled(medium.row, before=scope.limit)
    return settled and store in stores_of(medium.row.storage_status)


async def _missing_in(scope: Scope, medium: StoredMedium, name: Store) -> list[str]:
    """Return the keys that a store does not have: all of them where the store cannot be reached."""
    store = scope.premises.stores().get(name)
    objects = medium.objects(name)
    return [each.key for each in objects if store is None or await store.stat(each.key) is None]


async def _mend(session: AsyncSession, scope: Scope, store: Store, media_id: UUID) -> None:
    row = await media.find(session, media_id, lock=True)
    location = scope.platform.known_s3_location
    if row is None or location is None or not inventory.is_settled(row, before=scope.limit):
        return
    claimed = stores_of(row.storage_status)
    if claimed == (store,) or store in wanted_stores(row.storage_strategy, scope.platform):
        await request_copy(session, [media_id], store, s3=location, now=scope.run.now)
    elif store in claimed:
        await request_removal(session, [media_id], store, s3=location, now=scope.run.now)
