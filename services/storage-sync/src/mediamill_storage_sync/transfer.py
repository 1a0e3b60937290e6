"""Copies one object between stores so that it arrives whole, or not at all.

What is compared is size and SHA-256: of the bytes on their way, so that a damaged source is never published,
and by the target itself, which for S3 is the server that refuses a body other than the announced one.
"""

import hashlib
from collections.abc import AsyncIterator

from mediamill_contracts.recipe import ObjectRef
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
        async for _ in _checked(store.read(ref.key), ref):
            pass
    except CorruptObjectError:
        return False
    return True


async def _copy_once(ref: ObjectRef, source: ObjectStore, target: ObjectStore) -> None:
    await target.put_stream(ref.key, _checked(source.read(ref.key), ref), media_type=ref.media_type)


async def _checked(chunks: AsyncIterator[bytes], ref: ObjectRef) -> AsyncIterator[bytes]:
    """Pass the chunks on, and raise CorruptObjectError at their end when they are not the object's."""
    digest = hashlib.sha256()
    size = 0
    async for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        yield chunk
    if size != ref.size_bytes or digest.hexdigest() != ref.sha256:
        raise CorruptObjectError(f"{ref.key}: {size} bytes that are not those on record")
