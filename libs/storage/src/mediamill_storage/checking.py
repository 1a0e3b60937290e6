"""Comparing bytes with their hash while they pass."""

import hashlib
from collections.abc import AsyncIterator

from mediamill_storage.object_store import CorruptObjectError


async def checked(chunks: AsyncIterator[bytes], key: str, sha256: str) -> AsyncIterator[bytes]:
    """Pass the chunks on; raises CorruptObjectError at their end when their SHA-256, in hex, is another."""
    digest = hashlib.sha256()
    async for chunk in chunks:
        digest.update(chunk)
        yield chunk
    require(key, digest.hexdigest(), sha256)


def require(key: str, found: str, wanted: str) -> None:
    """Raise CorruptObjectError when two hashes differ."""
    if found != wanted:
        raise CorruptObjectError(f"{key}: the bytes hash to {found}, and should to {wanted}")
