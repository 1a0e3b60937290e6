"""Where ingest finds objects now: the folder it shares with others, and S3 where the settings say it is."""

from collections.abc import Callable
from dataclasses import dataclass

from mediamill_catalog.settings import PlatformSettings
from mediamill_contracts.recipe import Store
from mediamill_ingest.ports import CloudProvider, CloudStore
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.object_store import ObjectStore
from mediamill_storage.stores import StoreNotConfiguredError, Stores


@dataclass(frozen=True)
class CurrentStores:
    """The stores of this process; `settings` are asked each time, since they change while it runs."""

    local: LocalObjectStore
    s3: CloudProvider | None = None
    """None where the environment has no credentials for S3."""
    settings: Callable[[], PlatformSettings] = PlatformSettings

    def of(self, store: Store) -> ObjectStore:
        """Return the store of this name; raises StoreNotConfiguredError.

        What is in S3 can be read and moved while S3 is disabled for anything new.
        """
        return Stores(self.local, self.s3).of(store, self.settings().known_s3_location)

    def cloud(self) -> CloudStore:
        """Return S3, where objects are already; raises StoreNotConfiguredError."""
        location = self.settings().known_s3_location
        if self.s3 is None or location is None:
            raise StoreNotConfiguredError("S3 is not configured, or there are no credentials for it")
        return self.s3.at(location)

    def cloud_for_uploads(self) -> CloudStore:
        """Return S3, if anything new may go there; raises StoreNotConfiguredError."""
        if self.settings().s3_location is None:
            raise StoreNotConfiguredError("S3 is not enabled")
        return self.cloud()
