"""The verdict on an object that is far away: the same as on a file, from the few ranges that it takes."""

from mediamill_storage.inspection import AcceptancePolicy, inspect_bytes
from mediamill_storage.object_store import ObjectNotFoundError, ObjectStore
from mediamill_storage.sparse_bytes import BLOCK_BYTES, MissingBytesError, SparseBytes

_FEW_REQUESTS = 8
_LARGE_BYTES = 16 * BLOCK_BYTES
"""Fetched at once when a file turns out to be in many small pieces: its sender pays less in time that way."""


async def inspect_object(
    store: ObjectStore, key: str, size_bytes: int, declared_type: str | None, policy: AcceptancePolicy
) -> str:
    """Return the media type of an object of this size, which must not change meanwhile.

    A sound picture or video takes two or three requests. Raises RefusedFileError as `inspect_file` does, and
    ObjectNotFoundError when there is no such object or it is shorter.
    """
    data = SparseBytes(size_bytes)
    requests = 0
    while True:
        try:
            return inspect_bytes(data, declared_type, policy)
        except MissingBytesError as missing:
            start, end = missing.start, missing.end
        if requests >= _FEW_REQUESTS:
            end = min(size_bytes, max(end, start + _LARGE_BYTES))
        content = b"".join([chunk async for chunk in store.read(key, start=start, end=end)])
        if len(content) != end - start:
            raise ObjectNotFoundError(key)
        data.add(start, content)
        requests += 1
