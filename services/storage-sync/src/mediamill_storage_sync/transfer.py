"""Copies one object between stores so that it arrives whole, or not at all.

The target compares SHA-256: of the bytes on their way, so that a damaged source is never published, and an S3
server itself refuses a body other than the announced one. So the source need not compare, too: it is asked
for so many bytes.
"""

from mediamill_contracts.recipe import ObjectRef
from mediamill_storage.checking import checked
from mediamill_storage.object_store import CorruptObjectError, ObjectStore


async def copy_object(ref: ObjectRef, source: ObjectStore, target: ObjectStore) -> None:
    """Copy; raises ObjectNotFoundError, CorruptObjectError, StorageFullError, StoreUnavailableError.

    A mismatch is looked at twice: the second time it is the source's.
    """
    try:
        await _copy_once(ref, source, target)
    except CorruptObjectError:
        await _copy_once(ref, source, target)


async def holds(store: ObjectStore, ref: ObjectRef) -> bool:
    """Return whether the store has exactly these bytes; they are read where the store cannot tell."""
    found = await store.stat(ref.key)
    if found is None or found.size_bytes != ref.size_bytes:
        return False
    if found.sha256 is not None:
        return found.sha256 == ref.sha256
    try:
        async for _ in checked(store.read(ref.key, end=ref.size_bytes), ref.key, ref.sha256):
            pass
    except CorruptObjectError:
        return False
    return True


async def _copy_once(ref: ObjectRef, source: ObjectStore, target: ObjectStore) -> None:
    chunks = source.read(ref.key, end=ref.size_bytes)
    await target.put_stream(ref.key, chunks, media_type=ref.media_type, sha256=ref.sha256)
