"""What duties work on: the database, and the stores as the settings say they are now."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from mediamill_contracts.recipe import Store
from mediamill_contracts.storage import S3Location
from mediamill_database import Database
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.object_store import ObjectStore
from mediamill_storage.stores import S3Provider, Stores

Depths = Callable[[], Awaitable[Mapping[str, int]]]
"""Tells how many messages wait in each queue, dead letters too; raises when nobody can tell."""


def nowhere() -> S3Location | None:
    """Return no location: S3 is not in use."""
    return None


@dataclass(frozen=True)
class Premises:
    """One installation; `location` is asked each time, since settings change while this runs."""

    database: Database
    local: LocalObjectStore
    depths: Depths
    s3: S3Provider | None = None
    """None where the environment has no credentials for S3."""
    location: Callable[[], S3Location | None] = nowhere
    """Returns None while S3 is not enabled."""

    def stores(self) -> dict[Store, ObjectStore]:
        """Return the stores that can be reached now, by name."""
        found: dict[Store, ObjectStore] = {"local": self.local}
        location = self.location()
        if self.s3 is not None and location is not None:
            found["s3"] = Stores(self.local, self.s3).of("s3", location)
        return found
