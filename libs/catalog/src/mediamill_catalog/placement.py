"""Which stores a medium's objects are in, and where they belong."""

from collections.abc import Iterable

from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import StorageStatus
from mediamill_contracts.recipe import STRATEGY_STORES, StorageStrategy, Store

_STORES: dict[StorageStatus, tuple[Store, ...]] = {
    StorageStatus.LOCAL: ("local",),
    StorageStatus.S3: ("s3",),
    StorageStatus.BOTH: ("local", "s3"),
}
_STATUS = {frozenset(stores): status for status, stores in _STORES.items()}


def stores_of(status: StorageStatus) -> tuple[Store, ...]:
    """Return the stores that a row with this status claims."""
    return _STORES[status]


def status_of(stores: Iterable[Store]) -> StorageStatus:
    """Return the status of a row that claims these stores, at least one."""
    return _STATUS[frozenset(stores)]


def wanted_stores(strategy: StorageStrategy, settings: PlatformSettings) -> tuple[Store, ...]:
    """Return where media that were admitted with this strategy belong in the end, as things are now."""
    if settings.s3_location is None:
        return ("local",)
    if strategy == "local_first":
        return ("local", "s3") if settings.s3_auto_sync else ("local",)
    return STRATEGY_STORES[strategy]
