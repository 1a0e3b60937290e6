"""Where ingest finds objects now: the folder it shares with others, and S3 where the settings say it is."""

from collections.abc import Callable
from dataclasses import dataclass

from mediamill_contracts.recipe import Store
from mediamill_contracts.storage import S3Location
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.object_store import ObjectStore
from mediamill_storage.stores import S3Provider, Stores


def nowhere() -> S3Location | None:
    """Return no location: S3 is not in use."""
    return None


@dataclass(frozen=True)
class CurrentStores:
    """The stores of this process; `location` is asked each time, since settings change while it runs."""

    local: LocalObjectStore
    s3: S3Provider | None = None
    """None where the environment has no credentials for S3."""
    location: Callable[[], S3Location | None] = nowhere
    """Returns None while nothing says where S3 is. What is there can be read while S3 is disabled, too:
    `PlatformSettings.s3_location` says whether anything new may go there."""

    def of(self, store: Store) -> ObjectStore:
        """Return the store of this name; raises StoreNotConfiguredError."""
        return Stores(self.local, self.s3).of(store, self.location())
