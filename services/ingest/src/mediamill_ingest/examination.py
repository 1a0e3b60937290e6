"""Looks at bytes that somebody else received: nothing that a gateway says about them is believed."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from mediamill_contracts.media import MediaUploaded
from mediamill_storage.inspection import AcceptancePolicy, RefusedFileError, inspect_file
from mediamill_storage.object_store import ObjectNotFoundError, ObjectStore


@dataclass(frozen=True)
class Examined:
    """What the bytes really are; the digest is a SHA-256, hexadecimal."""

    media_type: str
    size_bytes: int
    sha256: str


async def examine(store: ObjectStore, key: str, event: MediaUploaded, policy: AcceptancePolicy) -> Examined:
    """Read the whole object and compare it with what was declared.

    Raises RefusedFileError with a code of `inspect_file`, or `size_mismatch`, or `checksum_mismatch`;
    ObjectNotFoundError when there is no such object.
    """
    async with store.local_copy(key) as path:
        try:
            return await asyncio.to_thread(_examine_file, path, event, policy)
        except FileNotFoundError as error:  # another delivery moved it just now
            raise ObjectNotFoundError(key) from error


def _examine_file(path: Path, event: MediaUploaded, policy: AcceptancePolicy) -> Examined:
    with path.open("rb") as file:
        size_bytes = file.seek(0, 2)
        media_type = inspect_file(file.fileno(), size_bytes, event.declared_type, policy)
        if size_bytes != event.staged.size_bytes:
            raise RefusedFileError(
                "size_mismatch", f"announced with {event.staged.size_bytes} bytes, but it has {size_bytes}"
            )
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if event.staged.sha256 not in {None, sha256}:
        raise RefusedFileError("checksum_mismatch", "the bytes are not those that were announced")
    return Examined(media_type, size_bytes, sha256)
