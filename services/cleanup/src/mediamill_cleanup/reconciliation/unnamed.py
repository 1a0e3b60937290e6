"""Judges objects that no row was found to name."""

import re
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from mediamill_catalog import inventory, media
from mediamill_catalog.placement import stores_of, wanted_stores
from mediamill_catalog.references import in_transfer, owners, staged_in_use, variants_at
from mediamill_catalog.stored_media import StoredMedium, load_stored_media
from mediamill_catalog.sync_automatic import request_removal
from mediamill_cleanup.announcements import UNSEEN_AGE, may_be_announced
from mediamill_cleanup.reconciliation.object_index import Found, ObjectIndex
from mediamill_cleanup.reconciliation.scope import Scope
from mediamill_cleanup.report import Report
from mediamill_contracts.recipe import Store
from mediamill_storage.keys import EXTENSIONS, PERMANENT, QUARANTINE, TEMPORARY
from mediamill_storage.rooted_paths import UnsafeKeyError

ORPHANS = "objects without a row"
FOREIGN = "objects that are not ours"
UNCLAIMED = "copies that their medium does not claim"

_OF_MEDIUM = re.compile(rf"({PERMANENT}\d{{4}}/\d{{2}}/[^/]+/[0-9a-f]{{40}})[._].+")
"""Every object of a medium begins with its prefix."""


async def judge_unnamed(scope: Scope, index: ObjectIndex, suspects: Sequence[Found], report: Report) -> None:
    """Look again, by what rows say now; what nothing refers to is removed unless this is a dry run."""
    staged = [found for found in suspects if found.key.startswith(TEMPORARY)]
    refused = [found for found in suspects if found.key.startswith(QUARANTINE)]
    permanent = [found for found in suspects if found.key.startswith(PERMANENT)]
    orphans = [
        *await _unused_staged(scope, staged),
        *await _unused_quarantine(scope, refused),
        *await _unused_permanent(scope, index, permanent, report),
    ]
    for orphan in orphans:
        await _remove(scope, orphan, report)


async def _unused_staged(scope: Scope, suspects: list[Found]) -> list[Found]:
    if not suspects:
        return []
    if await may_be_announced(scope.premises):
        suspects = [found for found in suspects if found.modified_at < scope.run.now - UNSEEN_AGE]
    async with scope.premises.database.read(row_by_row=True) as session:
        used = await staged_in_use(session, [found.key for found in suspects])
    return [found for found in suspects if found.key not in used]


async def _unused_quarantine(scope: Scope, suspects: list[Found]) -> list[Found]:
    if not suspects:
        return []
    async with scope.premises.database.read() as session:
        used = await owners(session, [found.key for found in suspects])
    return [found for found in suspects if found.key not in used]


async def _unused_permanent(
    scope: Scope, index: ObjectIndex, suspects: list[Found], report: Report
) -> list[Found]:
    """Return objects of no medium, or that their medium does not name; deal with copies on the way."""
    by_prefix: dict[str, list[Found]] = defaultdict(list)
    for found in suspects:
        match = _OF_MEDIUM.fullmatch(found.key)
        if match is None:
            report.add(FOREIGN, f"{found.store} {found.key}")
        elif not index.is_protected(match[1]):
            by_prefix[match[1]].append(found)
    if not by_prefix:
        return []
    async with scope.premises.database.read() as session:
        originals = [f"{prefix}.{extension}" for prefix in by_prefix for extension in EXTENSIONS.values()]
        rows = {key.rpartition(".")[0]: row for key, row in (await owners(session, originals)).items()}
        stored = await load_stored_media(session, [row.id for row in rows.values()])
        ownerless = [found.key for prefix in by_prefix.keys() - rows.keys() for found in by_prefix[prefix]]
        variants = await variants_at(session, ownerless) if ownerless else set()
    orphans = []
    for prefix, objects in by_prefix.items():
        if prefix not in rows:
            orphans += [found for found in objects if found.key not in variants]
        elif rows[prefix].id in stored:
            orphans += await _beyond_medium(scope, stored[rows[prefix].id], objects, report)
    return orphans


async def _beyond_medium(
    scope: Scope, medium: StoredMedium, suspects: list[Found], report: Report
) -> list[Found]:
    """Return what a settled picture does not name at all; have copies removed that it does not claim."""
    if not inventory.is_settled(medium.row, before=scope.limit):
        return []
    named = {each.key for each in medium.objects("local")}
    claimed = stores_of(medium.row.storage_status)
    copies: dict[Store, list[Found]] = defaultdict(list)
    for found in suspects:
        if found.key in named and found.store not in claimed:
            copies[found.store].append(found)
    for store, found_there in copies.items():
        await _deal_with_copies(scope, medium.row.id, store, found_there, report)
    is_picture = medium.row.kind == "image"  # a film may have parts that only its playlist names
    return [found for found in suspects if found.key not in named and is_picture]


async def _deal_with_copies(
    scope: Scope, media_id: UUID, store: Store, copies: list[Found], report: Report
) -> None:
    """Have copies removed in the way that keeps a transfer from counting on them at the same moment."""
    now, platform = scope.run.now, scope.platform
    async with scope.premises.database.write() as session:
        row = await media.find(session, media_id, lock=True)
        if row is None or not inventory.is_settled(row, before=scope.limit):
            return
        awaited = store in wanted_stores(row.storage_strategy, platform) and row.given_up_at is None
        if awaited or store in stores_of(row.storage_status) or await in_transfer(session, [media_id]):
            return
        keys = [found.key for found in copies]
        if not scope.run.dry_run:
            location = platform.known_s3_location
            await request_removal(session, [media_id], store, s3=location, now=now, keys=keys)
    size = sum(found.size_bytes for found in copies)
    report.add(UNCLAIMED, *(f"{store} {key}" for key in keys), size_bytes=size)


async def _remove(scope: Scope, orphan: Found, report: Report) -> None:
    name = f"{orphan.store} {orphan.key}"
    try:
        if scope.run.dry_run or await scope.stores[orphan.store].delete(orphan.key):
            report.add(ORPHANS, name, size_bytes=orphan.size_bytes)
    except UnsafeKeyError:
        report.add(FOREIGN, name)
