"""What duties work on: the database, and the stores as the settings say they are now."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from mediamill_contracts.recipe import Store
from mediamill_contracts.storage import S3Location
from mediamill_database import Database
from mediamill_storage.direct_access import DirectAccess
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.object_store import ObjectStore

Depths = Callable[[], Awaitable[Mapping[str, int]]]
"""Tells how many messages wait in each queue, dead letters too; raises when nobody can tell."""


class CloudStore(ObjectStore, Protocol):
    """S3: clients may have begun to send something there themselves."""

    @property
    def direct(self) -> DirectAccess:
        """What clients may do themselves."""


class CloudProvider(Protocol):
    """Gives the store at a location; the same object for the same location."""

    def at(self, location: S3Location) -> CloudStore:
        """Return the store; nothing is connected yet."""


def nowhere() -> S3Location | None:
    """Return no location: S3 is not in use."""
    return None


@dataclass(frozen=True)
class Premises:
    """One installation; `location` is asked each time, since settings change while this runs."""

    database: Database
    local: LocalObjectStore
    depths: Depths
    s3: CloudProvider | None = None
    """None where the environment has no credentials for S3."""
    location: Callable[[], S3Location | None] = nowhere
    """Returns None while S3 is not enabled."""

    def stores(self) -> dict[Store, ObjectStore]:
        """Return the stores that can be reached now, by name."""
        cloud = self.cloud()
        return {"local": self.local} if cloud is None else {"local": self.local, "s3": cloud}

    def cloud(self) -> CloudStore | None:
        """Return S3, where objects are already; None where it is not configured."""
        location = self.location()
        return None if self.s3 is None or location is None else self.s3.at(location)
