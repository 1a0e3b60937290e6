"""What ingest needs of S3 beyond what every store can do."""

from typing import Protocol

from mediamill_contracts.storage import S3Location
from mediamill_storage.direct_access import DirectAccess
from mediamill_storage.object_store import ObjectStat, ObjectStore


class CloudStore(ObjectStore, Protocol):
    """A store that clients can send to and fetch from themselves, and that copies without a download."""

    @property
    def direct(self) -> DirectAccess:
        """What clients may do themselves."""

    async def copy(
        self,
        source_key: str,
        target_key: str,
        *,
        version: str | None = None,
        media_type: str | None = None,
        sha256: str | None = None,
    ) -> ObjectStat:
        """Copy, compare, and return what the copy is; `version` (from `stat`) must still be there.

        `media_type` with `sha256` replaces what the source said about itself. Raises ObjectNotFoundError,
        StoreUnavailableError.
        """


class CloudProvider(Protocol):
    """Gives the store at a location; the same object for the same location."""

    def at(self, location: S3Location) -> CloudStore:
        """Return the store; nothing is connected yet."""
