"""The port behind which bytes are kept, whatever keeps them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


class ObjectNotFoundError(Exception):
    """There is no object under this key."""


class StorageFullError(Exception):
    """The store has no room for the object."""


class StoreUnavailableError(Exception):
    """The store cannot be used now, and trying later may help.

    `code` says why: what the server called it (`SlowDown`, `AccessDenied`, `NoSuchBucket`, …), `unreachable`
    or `timeout` when it did not answer.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class CorruptObjectError(Exception):
    """The bytes under this key are not those that were stored."""


@dataclass(frozen=True)
class ObjectStat:
    """An object's size in bytes, the time of its last change, and what the store knows beyond that."""

    key: str
    size_bytes: int
    modified_at: datetime
    sha256: str | None = None
    """In hex, where the store has kept it; a listing never tells it."""
    version: str | None = None
    """Changes whenever the bytes do; None where the store has no such thing."""


@dataclass(frozen=True)
class FinishedFile:
    """A local file whose bytes change no more, and what it is to become."""

    path: Path
    key: str
    media_type: str


@dataclass(frozen=True)
class StoredFile:
    """What the bytes of a stored file are: their number and their SHA-256 in hex."""

    size_bytes: int
    sha256: str


class ObjectStore(Protocol):
    """A store of immutable objects. Objects appear whole or not at all; keys come from `keys.py`.

    Any method may raise StoreUnavailableError, and UnsafeKeyError, a ValueError, before anything is done.
    """

    async def put_files(self, files: Sequence[FinishedFile]) -> list[StoredFile]:
        """Store files and consume them, replacing what was there; return what they hold, in their order.

        When it raises, some may be stored and others not; what is stored is whole. Files that belong together
        are put together, since waiting once for the disk costs little more than for one of them.
        """

    async def put_stream(
        self, key: str, chunks: AsyncIterator[bytes], *, media_type: str, sha256: str | None = None
    ) -> int:
        """Store the chunks under `key`; return their size in bytes. Nothing appears if the stream raises.

        With `sha256`, in hex, other bytes than those raise CorruptObjectError, and nothing appears.
        """

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes `start` to `end` (exclusive); raises ObjectNotFoundError.

        An object read whole, with no `end`, raises CorruptObjectError where the store knows better bytes.
        """

    def local_copy(self, key: str) -> AbstractAsyncContextManager[Path]:
        """Give a path to read the object's bytes from while the context lasts; never write to it."""

    async def stat(self, key: str) -> ObjectStat | None:
        """Return size and time, or None when there is no such object."""

    async def move(self, source_key: str, target_key: str) -> None:
        """Rename. Again after success, it does nothing; raises ObjectNotFoundError when neither is there."""

    async def copy(self, source_key: str, target_key: str) -> ObjectStat:
        """Make the object appear under another key too, replacing what was there; return what is there now.

        The copy counts as changed just now, however old its source is. Raises ObjectNotFoundError.
        """

    async def delete(self, key: str) -> bool:
        """Remove; return whether there was anything."""

    def list(self, prefix: str) -> AsyncIterator[ObjectStat]:
        """Yield the objects whose keys begin with `prefix`, in no promised order."""

    async def check(self) -> None:
        """Raise when the store cannot be written to now."""

    async def close(self) -> None:
        """Give back what the store holds: threads, connections."""
