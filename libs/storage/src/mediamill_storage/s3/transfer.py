"""How bytes get to a bucket and back: behind a protocol, since two ways of doing it are needed.

`FastTransfer` moves most objects; `GuardedTransfer` serves endpoints whose addresses have to be checked.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

READ_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class OpenedObject:
    """The body of an object, or of a range of it, and what came with it."""

    chunks: AsyncIterator[bytes]
    version: str
    sha256: str | None
    """Of the whole object, as kept in its metadata."""


class Transfer(Protocol):
    """Moves whole requests; the store above takes up what breaks amid a body."""

    async def put(self, key: str, data: bytes, *, sha256: str, media_type: str) -> None:
        """Store bytes with their hash, which the server verifies.

        Raises StoreUnavailableError, StorageFullError.
        """

    def open(
        self, key: str, start: int, end: int | None, version: str | None
    ) -> AbstractAsyncContextManager[OpenedObject]:
        """Open bytes `start` to `end` (exclusive) of one version, or of whatever is there.

        Raises ObjectNotFoundError, and StoreUnavailableError also amid the body. The code is `InvalidRange`
        when nothing lies at `start`, `PreconditionFailed` when the version has gone.
        """
