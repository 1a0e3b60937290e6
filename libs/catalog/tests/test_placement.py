"""Where media are claimed to be: one step at a time, and never a claim on a store that was given up."""

from uuid import UUID

import pytest

from mediamill_catalog import media
from mediamill_catalog.placement import narrow_storage, objects_of, wanted_stores, widen_storage
from mediamill_catalog.purges import PurgeReach, request_purge
from mediamill_catalog.tables import StorageStatus
from mediamill_contracts.ids import new_id
from mediamill_contracts.recipe import StorageStrategy, Store
from mediamill_database import Database

from .rows import NOW, add_medium


async def _statuses(database: Database, *media_ids: UUID) -> list[StorageStatus]:
    async with database.read() as session:
        rows = await media.find_many(session, media_ids)
    return [rows[media_id].storage_status for media_id in media_ids]


async def test_a_copy_widens_and_again_changes_nothing(database: Database) -> None:
    """A medium that claims the store already counts as done, one that is gone does not."""
    local, both = await add_medium(database), await add_medium(database, storage_status=StorageStatus.BOTH)
    for _ in range(2):
        async with database.write() as session:
            done = await widen_storage(session, [local, both, new_id()], "s3", now=NOW)
        assert done == {local, both}
    assert await _statuses(database, local, both) == [StorageStatus.BOTH, StorageStatus.BOTH]


async def test_only_a_medium_in_both_gives_one_up(database: Database) -> None:
    """The last copy is never given up, whatever is asked for."""
    statuses = (StorageStatus.LOCAL, StorageStatus.BOTH, StorageStatus.S3)
    local, both, s3 = [await add_medium(database, storage_status=status) for status in statuses]
    async with database.write() as session:
        assert await narrow_storage(session, [local, both, s3], "local", now=NOW) == {both}
    async with database.write() as session:
        assert await narrow_storage(session, [local, both, s3], "s3", now=NOW) == set()
    assert await _statuses(database, local, both, s3) == ["local", "s3", "s3"]


async def test_a_medium_that_is_to_be_purged_claims_nothing_new(database: Database) -> None:
    """A copy that was made too late is nobody's."""
    media_id = await add_medium(database)
    async with database.write() as session:
        await request_purge(session, [media_id], actor="anna", reach=PurgeReach(None, s3_too=False), now=NOW)
        assert await widen_storage(session, [media_id], "s3", now=NOW) == set()


async def test_objects_are_original_and_variants(database: Database) -> None:
    """What a transfer has to carry, with where it can be read now."""
    media_id = await add_medium(database, variants=("thumb",), storage_status=StorageStatus.S3)
    async with database.read() as session:
        objects = (await objects_of(session, [media_id, new_id()]))[media_id]
    assert [(item.store, item.key.rpartition("/")[2]) for item in objects] == [
        ("s3", f"{media_id.hex}.jpg"),
        ("s3", f"{media_id.hex}_thumb.webp"),
    ]


@pytest.mark.parametrize(
    ("strategy", "with_s3", "auto_sync", "stores"),
    [
        ("local_only", True, True, ("local",)),
        ("local_first", True, True, ("local", "s3")),
        ("local_first", True, False, ("local",)),
        ("s3_only", True, False, ("s3",)),
        ("both", True, False, ("local", "s3")),
        ("both", False, True, ("local",)),
        ("s3_only", False, True, ("local",)),
    ],
)
def test_where_media_belong(
    strategy: StorageStrategy, with_s3: bool, auto_sync: bool, stores: tuple[Store, ...]
) -> None:
    """A strategy that S3 is missing for keeps media where they are safe."""
    assert wanted_stores(strategy, with_s3=with_s3, auto_sync=auto_sync) == stores
