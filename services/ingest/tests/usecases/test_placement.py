"""After processing: the record says where the objects are, and asks for what gets them home."""

import pytest

from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import MediaStatus, StorageStatus
from mediamill_contracts.media import MediaReady
from mediamill_contracts.recipe import StorageStrategy, Store
from mediamill_contracts.sync import RequestSync, SyncOperation
from mediamill_ingest.usecases.record_processed import SuccessRecords

from .conftest import Workbench

WITH_S3 = PlatformSettings(s3_enabled=True, s3_bucket="photos")


async def _process(
    bench: Workbench, settings: PlatformSettings, stored_in: tuple[Store, ...], source: Store = "local"
) -> tuple[StorageStatus, list[RequestSync]]:
    """Let a worker store a medium in some places; return what the record claims, and what was asked for."""
    settled = bench.with_settings(settings)
    accepted = await settled.admitted()
    result = await settled.processed(accepted)
    result = result.model_copy(
        update={"stored_in": stored_in, "source": result.source.model_copy(update={"store": source})}
    )
    await SuccessRecords(settled.database, settled.stores).record_processed(result)
    medium = await bench.medium(result.media_id)
    assert medium.status == MediaStatus.READY
    assert len(await bench.emitted(MediaReady)) == 1
    return medium.storage_status, await bench.emitted(RequestSync)


@pytest.mark.parametrize(
    ("strategy", "auto_sync", "stored_in", "source", "claimed", "operation", "files"),
    [
        ("local_only", True, ("local",), "local", "local", None, 0),
        ("local_first", False, ("local",), "local", "local", None, 0),
        ("local_first", True, ("local",), "local", "local", "upload_to_s3", 3),
        ("both", True, ("local", "s3"), "local", "both", None, 0),
        ("both", False, ("local",), "local", "local", "upload_to_s3", 3),
        ("s3_only", False, ("s3",), "local", "s3", "delete_local", 1),
        ("s3_only", False, ("local",), "local", "local", "upload_to_s3", 3),
        ("s3_only", False, ("s3",), "s3", "s3", None, 0),
        ("both", False, ("local", "s3"), "s3", "both", None, 0),
        ("local_only", False, ("local",), "s3", "local", "delete_s3", 1),
    ],
)
async def test_what_is_claimed_is_true_and_the_rest_is_asked_for(
    bench: Workbench,
    strategy: StorageStrategy,
    auto_sync: bool,
    stored_in: tuple[Store, ...],
    source: Store,
    claimed: str,
    operation: SyncOperation | None,
    files: int,
) -> None:
    """Copies to where a medium belongs, also after S3 was away; originals leave where they do not belong."""
    changes = {"default_storage_strategy": strategy, "s3_auto_sync": auto_sync}
    status, requests = await _process(bench, WITH_S3.model_copy(update=changes), stored_in, source)
    assert status == claimed
    assert [request.operation for request in requests] == ([operation] if operation else [])
    for request in requests:
        (item,) = request.items
        assert len(item.objects) == files
        assert request.delete_source == (strategy == "s3_only" and operation == "upload_to_s3")
        assert request.s3 == WITH_S3.s3_location


async def test_the_strategy_is_the_one_of_admission(bench: Workbench) -> None:
    """A change of the settings between admission and result does not move what is under way."""
    settled = bench.with_settings(WITH_S3.model_copy(update={"default_storage_strategy": "both"}))
    result = await settled.processed(await settled.admitted())
    assert (await bench.medium(result.media_id)).storage_strategy == "both"
    later = bench.with_settings(WITH_S3)
    await SuccessRecords(later.database, later.stores).record_processed(result)
    assert [request.operation for request in await bench.emitted(RequestSync)] == ["upload_to_s3"]


async def test_without_s3_nothing_is_asked_of_it(bench: Workbench) -> None:
    """Media whose strategy wants S3 stay in local storage while S3 is switched off."""
    off = WITH_S3.model_copy(update={"default_storage_strategy": "both", "s3_enabled": False})
    assert await _process(bench, off, ("local",)) == (StorageStatus.LOCAL, [])
