"""Looks at bytes that somebody else received: nothing that their sender says about them is believed."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from mediamill_contracts.media import MediaUploaded
from mediamill_storage.inspection import AcceptancePolicy, RefusedFileError, inspect_file
from mediamill_storage.object_inspection import inspect_object
from mediamill_storage.object_store import ObjectNotFoundError, ObjectStore


@dataclass(frozen=True)
class Examined:
    """What the bytes really are; the digest is a SHA-256, hexadecimal."""

    media_type: str
    size_bytes: int
    sha256: str


async def examine_file(
    store: ObjectStore, key: str, event: MediaUploaded, policy: AcceptancePolicy
) -> Examined:
    """Read the whole object from a file and compare it with what was declared.

    Raises RefusedFileError with a code of `inspect_file`, or `size_mismatch`, or `checksum_mismatch`;
    ObjectNotFoundError when there is no such object.
    """
    async with store.local_copy(key) as path:
        try:
            found = await asyncio.to_thread(_examine_file, path, event, policy)
        except FileNotFoundError as error:  # another delivery moved it just now
            raise ObjectNotFoundError(key) from error
    _compare(found, event)
    return found


async def examine_object(
    store: ObjectStore, key: str, event: MediaUploaded, policy: AcceptancePolicy
) -> Examined:
    """Do the same with an object that is far away and does not change, without keeping a file of it."""
    there = await store.stat(key)
    if there is None:
        raise ObjectNotFoundError(key)
    media_type = await inspect_object(store, key, there.size_bytes, event.declared_type, policy)
    digest = hashlib.sha256(usedforsecurity=False)
    async for chunk in store.read(key):
        digest.update(chunk)
    found = Examined(media_type, there.size_bytes, digest.hexdigest())
    _compare(found, event)
    return found


def _examine_file(path: Path, event: MediaUploaded, policy: AcceptancePolicy) -> Examined:
    with path.open("rb") as file:
        size_bytes = file.seek(0, 2)
        media_type = inspect_file(file.fileno(), size_bytes, event.declared_type, policy)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Examined(media_type, size_bytes, sha256)


def _compare(found: Examined, event: MediaUploaded) -> None:
    announced = event.staged
    if found.size_bytes != announced.size_bytes:
        raise RefusedFileError(
            "size_mismatch", f"announced with {announced.size_bytes} bytes, but it has {found.size_bytes}"
        )
    if announced.sha256 not in {None, found.sha256}:
        raise RefusedFileError("checksum_mismatch", "the bytes are not those that were announced")
