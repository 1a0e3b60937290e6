"""Where media belong: their strategy decides, as far as S3 can be used."""

import pytest

from mediamill_catalog.placement import status_of, stores_of, wanted_stores
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import StorageStatus
from mediamill_contracts.recipe import StorageStrategy, Store


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
    """Without S3, media of every strategy stay where they are safe."""
    settings = PlatformSettings(s3_enabled=with_s3, s3_auto_sync=auto_sync, s3_bucket="media")
    assert wanted_stores(strategy, settings) == stores


@pytest.mark.parametrize("status", StorageStatus)
def test_a_status_is_the_stores_it_claims(status: StorageStatus) -> None:
    """What is written for some stores reads as the same stores."""
    assert status_of(stores_of(status)) == status
