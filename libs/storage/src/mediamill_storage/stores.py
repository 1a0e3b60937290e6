"""The stores of one process: the local one, and S3 wherever a message or the settings say it is."""

from dataclasses import dataclass
from typing import Protocol

from mediamill_contracts.recipe import Store
from mediamill_contracts.storage import S3Location
from mediamill_storage.object_store import ObjectStore


class StoreNotConfiguredError(Exception):
    """S3 was asked for where no location or no credentials are known."""


class S3Provider(Protocol):
    """Gives the store at a location; the same object for the same location."""

    def at(self, location: S3Location) -> ObjectStore:
        """Return the store; nothing is connected yet."""


@dataclass(frozen=True)
class Stores:
    """Finds the store that an `ObjectRef` names."""

    local: ObjectStore
    s3: S3Provider | None = None
    """None where the process has no credentials for S3."""

    def of(self, store: Store, location: S3Location | None) -> ObjectStore:
        """Return the store of this name. Raises StoreNotConfiguredError."""
        if store == "local":
            return self.local
        if self.s3 is None:
            raise StoreNotConfiguredError("this process has no credentials for S3")
        if location is None:
            raise StoreNotConfiguredError("nothing says where S3 is")
        return self.s3.at(location)
