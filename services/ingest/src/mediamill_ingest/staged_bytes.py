"""Staged bytes on their way to a permanent key, by the store that they are in.

In the folder they are renamed, and nobody outside can write there. In S3 whoever has a signed URL may write
again at any time, and nothing is renamed: so a copy is sealed first, that copy is judged and hashed, and only
that copy is copied on. What the row says of the hash holds for such a copy alone, never for what is staged.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Row

from mediamill_contracts.media import MediaUploaded
from mediamill_contracts.recipe import Store
from mediamill_ingest.examination import Examined, examine_file, examine_object
from mediamill_ingest.ports import CloudStore
from mediamill_storage import keys
from mediamill_storage.inspection import AcceptancePolicy, RefusedFileError
from mediamill_storage.object_store import ObjectNotFoundError, ObjectStore


class StagedBytes(Protocol):
    """The bytes of one announcement. Each step may be repeated, by another delivery at the same time too."""

    @property
    def store(self) -> ObjectStore:
        """Where they are."""

    @property
    def place(self) -> Store:
        """The name of that store."""

    async def is_known(self, medium: Row[Any], original_key: str | None) -> bool:
        """Return whether the row's hash holds for the bytes that `publish` will take."""

    async def examine(self, policy: AcceptancePolicy) -> Examined:
        """Return what they really are; raises RefusedFileError and ObjectNotFoundError."""

    async def publish(self, original_key: str, medium: Row[Any]) -> None:
        """Bring them under their permanent key; raises RefusedFileError and ObjectNotFoundError."""

    async def put_away(self, quarantine_key: str) -> None:
        """Bring them into quarantine; raises ObjectNotFoundError."""

    async def let_go(self) -> None:
        """Remove what is left once the outcome is on record."""


@dataclass(frozen=True)
class FolderBytes:
    """Bytes in the folder that ingest and its gateways share."""

    store: ObjectStore
    event: MediaUploaded
    place: Store = "local"

    async def is_known(self, medium: Row[Any], original_key: str | None) -> bool:  # noqa: ARG002 - as the port
        """Believe the row: this service wrote the hash, and nobody changes files here."""
        return medium.sha256 is not None

    async def examine(self, policy: AcceptancePolicy) -> Examined:
        """Read the whole file."""
        return await examine_file(self.store, await _present_key(self.store, self.event), self.event, policy)

    async def publish(self, original_key: str, medium: Row[Any]) -> None:
        """Rename, after a last look at the size."""
        staged = await self.store.stat(self.event.staged.key)
        if staged is not None and staged.size_bytes != medium.size_bytes:
            raise RefusedFileError(
                "size_mismatch",
                f"received with {medium.size_bytes} bytes, but {staged.size_bytes} are stored",
            )
        await self.store.move(self.event.staged.key, original_key)

    async def put_away(self, quarantine_key: str) -> None:
        """Rename."""
        await self.store.move(self.event.staged.key, quarantine_key)

    async def let_go(self) -> None:
        """Leave nothing: renaming has."""


class CloudBytes:
    """Bytes in S3; `sealed` tells that no URL was ever signed for their key."""

    place: Store = "s3"

    def __init__(self, store: CloudStore, event: MediaUploaded, *, sealed: bool) -> None:
        self.store = store
        self._event = event
        self._key = event.staged.key
        self._sealed_key = self._key if sealed else None

    async def is_known(self, medium: Row[Any], original_key: str | None) -> bool:
        """Believe the row only once its bytes are under their permanent key, where nobody else writes."""
        if medium.sha256 is None or original_key is None:
            return False
        return await self._is_published(original_key, medium)

    async def examine(self, policy: AcceptancePolicy) -> Examined:
        """Look at a few ranges, then hash the whole object while it streams by."""
        return await examine_object(self.store, await self._seal(), self._event, policy)

    async def publish(self, original_key: str, medium: Row[Any]) -> None:
        """Copy what was examined, unless an earlier delivery has."""
        if not await self._is_published(original_key, medium):
            await self.store.copy(
                await self._seal(), original_key, media_type=medium.media_type, sha256=medium.sha256
            )

    async def put_away(self, quarantine_key: str) -> None:
        """Copy: the staged object goes once the verdict is on record."""
        key = await self._seal()
        if key != quarantine_key:
            await self.store.copy(key, quarantine_key)

    async def let_go(self) -> None:
        """Remove the staged object and its sealed copy."""
        for key in {self._key, self._sealed_key or self._key}:
            await self.store.delete(key)

    async def _seal(self) -> str:
        """Return a key that only this delivery knows, or that was sealed before."""
        if self._sealed_key is None:
            key = await _present_key(self.store, self._event)
            if key != self._key:
                return key
            sealed = keys.sealed_key(self._event.user_id, self._event.media_id)
            await self.store.copy(key, sealed)
            self._sealed_key = sealed
        return await _present_key(self.store, self._event, self._sealed_key)

    async def _is_published(self, original_key: str, medium: Row[Any]) -> bool:
        found = await self.store.stat(original_key)
        return found is not None and found.size_bytes == medium.size_bytes


async def _present_key(store: ObjectStore, event: MediaUploaded, key: str | None = None) -> str:
    """Return where the bytes are: in quarantine when a crash came between that and the verdict's commit."""
    staged = key or event.staged.key
    if await store.stat(staged) is not None:
        return staged
    quarantine = keys.quarantine_key(event.media_id)
    if await store.stat(quarantine) is None:
        raise ObjectNotFoundError(staged)
    return quarantine
