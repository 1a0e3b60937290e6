"""Reading files that are to become objects."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from io import BufferedReader
from pathlib import Path

from mediamill_storage.object_store import StoredFile


def open_file(path: Path) -> BufferedReader:
    """Open for reading; a symbolic link is refused, whoever wrote the file may not be trusted."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def measure(file: BufferedReader) -> StoredFile:
    """Return size and hash of an open file; its position is back at the start afterwards."""
    digest = hashlib.file_digest(file, "sha256")
    size = file.tell()
    file.seek(0)
    return StoredFile(size, digest.hexdigest())


async def parts_of(file: BufferedReader, part_bytes: int) -> AsyncIterator[bytes]:
    """Yield a file's bytes in parts of this size, read on another thread."""
    while part := await asyncio.to_thread(file.read, part_bytes):
        yield part
