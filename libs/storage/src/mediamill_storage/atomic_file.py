"""Files that appear whole or not at all: written to a temporary, flushed to the disk, then renamed.

Writes go to the page cache and are made on the calling thread; what waits for the disk (`fsync`) or computes
for long (the hash) runs on the store's own threads, all of a commit in one hop.
"""

import asyncio
import errno
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue

from mediamill_storage.object_store import StorageFullError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW

_HASH_BYTES = 1024 * 1024
"""Read and hashed at once: each step takes the interpreter's lock from the event loop."""
_MOST_HASHED = 4
_hash_buffers: SimpleQueue[memoryview] = SimpleQueue()
"""As many as files are hashed at once: each keeps a core busy, and each buffer stays in memory."""
for _ in range(min(_MOST_HASHED, os.cpu_count() or 1)):
    _hash_buffers.put(memoryview(bytearray(_HASH_BYTES)))


class AtomicFile:
    """One file in the making. End it with `commit` or `abort`; `abort` after either does nothing."""

    def __init__(self, temporary: Path, executor: Executor, *, fsync: bool, hashed: bool = False) -> None:
        self._temporary = temporary
        self._executor = executor
        self._fsync = fsync
        self._hashed = hashed
        self._sha256 = ""
        self._open = True
        self.size_bytes = 0
        with full_disk_named():
            self._descriptor = os.open(temporary, _NEW_FILE, 0o640)

    @property
    def descriptor(self) -> int:
        """Descriptor to read back what was written, until the file ends."""
        return self._descriptor

    @property
    def sha256(self) -> str:
        """SHA-256 in hex of what lies on the disk; for a `hashed` file, once it is committed."""
        if not self._sha256:
            raise RuntimeError("the file is not committed, or nobody asked for its hash")
        return self._sha256

    def write(self, chunk: bytes) -> None:
        """Append; raises StorageFullError."""
        with full_disk_named():
            written = os.write(self._descriptor, chunk)
            while written < len(chunk):
                written += os.write(self._descriptor, memoryview(chunk)[written:])
        self.size_bytes += len(chunk)

    async def commit(self, target: Path) -> None:
        """Make the file durable under `target`, replacing what was there; on an error nothing is left.

        A cancellation that arrives meanwhile is raised after the end, so that the outcome is certain.
        """
        self._open = False
        committing = asyncio.get_running_loop().run_in_executor(self._executor, self._commit, target)
        try:
            await asyncio.shield(committing)
        except asyncio.CancelledError:
            await asyncio.wait((committing,))
            raise

    def abort(self) -> None:
        """Remove the temporary."""
        if self._open:
            self._open = False
            os.close(self._descriptor)
            self._temporary.unlink(missing_ok=True)

    def _commit(self, target: Path) -> None:
        try:
            try:
                if self._hashed:
                    self._sha256 = self._hash()
                if self._fsync:
                    os.fsync(self._descriptor)
            finally:
                os.close(self._descriptor)
            rename_durably(self._temporary, target, fsync=self._fsync)
        except OSError as error:
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
            raise_if_full(error)
            raise

    def _hash(self) -> str:
        """Hash the file as it lies in the page cache: mapping it would count as memory of this process."""
        digest = hashlib.sha256()
        buffer = _hash_buffers.get()
        try:
            position = 0
            while position < self.size_bytes:
                wanted = min(_HASH_BYTES, self.size_bytes - position)
                read = os.preadv(self._descriptor, [buffer[:wanted]], position)
                if not read:
                    raise OSError(errno.EIO, "the file became shorter while it was hashed")
                digest.update(buffer[:read])
                position += read
        finally:
            _hash_buffers.put(buffer)
        return digest.hexdigest()


def rename_durably(source: Path, target: Path, *, fsync: bool) -> None:
    """Rename within one file system, making the target's folders; blocks until the disk has it."""
    rename(source, target, fsync=fsync)
    if fsync:
        sync_folder(target.parent)


def rename(source: Path, target: Path, *, fsync: bool) -> None:
    """Rename within one file system, making the target's folders; `sync_folder` makes the name last."""
    try:
        source.replace(target)
    except FileNotFoundError:
        if not source.exists():
            raise
        make_folders(target.parent, fsync=fsync)
        source.replace(target)


def make_folders(folder: Path, *, fsync: bool) -> None:
    """Create `folder` and what is missing above it."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(mode=0o750, exist_ok=True)
        if fsync:
            sync_folder(new.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in `folder` are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def full_disk_named() -> Iterator[None]:
    """Turn the system's out-of-space errors into StorageFullError."""
    try:
        yield
    except OSError as error:
        raise_if_full(error)
        raise


def raise_if_full(error: OSError) -> None:
    """Raise StorageFullError when the error means that no space or quota is left."""
    if error.errno in _FULL:
        raise StorageFullError(str(error)) from error
