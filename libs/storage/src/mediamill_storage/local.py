"""Objects as files below one folder: the first run, small installations, and staging everywhere.

Layout: objects at `<root>/<key>`, files in the making in `<root>/.temporaries`, which no key can name.
"""

import asyncio
import os
import stat
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import ParamSpec, TypeVar
from uuid import uuid4

from mediamill_storage.adoption import adopt
from mediamill_storage.atomic_file import (
    AtomicFile,
    full_disk_named,
    rename_durably,
    sync_folder,
)
from mediamill_storage.checking import checked
from mediamill_storage.duplication import duplicate
from mediamill_storage.object_store import FinishedFile, ObjectNotFoundError, ObjectStat, StoredFile
from mediamill_storage.rooted_paths import RootedPaths, check_key

READ_CHUNK_BYTES = 256 * 1024
ABANDONED_AFTER_SECONDS = 6 * 60 * 60
"""No upload or copy takes this long; what is older belongs to a process that died."""
_TEMPORARIES = ".temporaries"
_LIST_BATCH = 256

P = ParamSpec("P")
R = TypeVar("R")


class LocalObjectStore:
    """An ObjectStore in a folder. Several processes may share the folder; it must be one file system."""

    def __init__(self, root: Path, *, fsync: bool = True, threads: int = 16) -> None:
        """Use `root`, made when missing; `fsync=False` trades durability at power loss for speed."""
        self._temporaries = root / _TEMPORARIES
        self._temporaries.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._paths = RootedPaths(root)
        self._temporaries = self._paths.root / _TEMPORARIES
        self._fsync = fsync
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="storage")
        self._flushers = ThreadPoolExecutor(threads, thread_name_prefix="storage-flush")

    @property
    def temporaries(self) -> Path:
        """Folder on the objects' file system for files in the making; what is abandoned there is removed."""
        return self._temporaries

    def new_file(self, *, hashed: bool = False) -> AtomicFile:
        """Begin a file; it is no object until `commit_file`. The caller must commit or abort it.

        A `hashed` one tells its SHA-256 afterwards.
        """
        temporary = self._temporaries / uuid4().hex
        return AtomicFile(temporary, self._executor, fsync=self._fsync, hashed=hashed)

    async def commit_file(self, file: AtomicFile, key: str) -> None:
        """Make a file begun with `new_file` the object under `key`; raises StorageFullError, nothing left."""
        try:
            target = self._paths.path_of(key)
        except ValueError:
            file.abort()
            raise
        await file.commit(target)

    async def put_files(self, files: Sequence[FinishedFile]) -> list[StoredFile]:
        """Store files and consume them, replacing what was there; return what they hold, in their order."""
        targets = self._paths.paths_of(file.key for file in files)
        moves = [(file.path, target) for file, target in zip(files, targets, strict=True)]
        return await self._in_thread(adopt, moves, self._temporaries, self._flushers, fsync=self._fsync)

    async def put_stream(
        self,
        key: str,
        chunks: AsyncIterator[bytes],
        *,
        media_type: str,  # noqa: ARG002 - a port for S3 too
        sha256: str | None = None,
    ) -> int:
        """Store the chunks under `key`; return their size in bytes. Nothing appears if the stream raises.

        With `sha256`, in hex, other bytes than those raise CorruptObjectError, and nothing appears.
        """
        check_key(key)
        file = self.new_file()
        try:
            async for chunk in chunks if sha256 is None else checked(chunks, key, sha256):
                file.write(chunk)
            await self.commit_file(file, key)
        finally:
            file.abort()
        return file.size_bytes

    async def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes `start` to `end` (exclusive); raises ObjectNotFoundError."""
        descriptor = self._open(key)
        try:
            position = start
            while end is None or position < end:
                wanted = READ_CHUNK_BYTES if end is None else min(READ_CHUNK_BYTES, end - position)
                chunk = await self._in_thread(os.pread, descriptor, wanted, position)
                if not chunk:
                    return
                position += len(chunk)
                yield chunk
        finally:
            os.close(descriptor)

    @asynccontextmanager
    async def local_copy(self, key: str) -> AsyncIterator[Path]:
        """Give the object's own path; never write to it."""
        path = self._paths.path_of(key)
        if not path.is_file():
            raise ObjectNotFoundError(key)
        yield path

    async def stat(self, key: str) -> ObjectStat | None:
        """Return size and time, or None when there is no such object."""
        try:
            found = self._paths.path_of(key).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _stat_of(key, found) if stat.S_ISREG(found.st_mode) else None

    async def move(self, source_key: str, target_key: str) -> None:
        """Rename. Again after success, it does nothing; raises ObjectNotFoundError when neither is there."""
        source, target = self._paths.path_of(source_key), self._paths.path_of(target_key)
        await self._in_thread(self._move, source, target, source_key)

    async def copy(self, source_key: str, target_key: str) -> ObjectStat:
        """Make the object appear under another key too, replacing what was there; return what is there now.

        It is one file with two names where the file system can do that: objects never change, and removing
        one name leaves the other. The copy counts as changed just now. Raises ObjectNotFoundError.
        """
        source, target = self._paths.path_of(source_key), self._paths.path_of(target_key)
        temporary = self._temporaries / uuid4().hex
        try:
            await self._in_thread(duplicate, source, temporary, target, fsync=self._fsync)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ObjectNotFoundError(source_key) from error
        return _stat_of(target_key, target.lstat())

    async def delete(self, key: str) -> bool:
        """Remove; return whether there was anything."""
        path = self._paths.path_of(key)
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    async def list(self, prefix: str) -> AsyncIterator[ObjectStat]:
        """Yield the objects whose keys begin with `prefix`, in no promised order."""
        found = self._walk(prefix)
        while batch := await self._in_thread(_take, found, _LIST_BATCH):
            for item in batch:
                yield item

    async def check(self) -> None:
        """Raise when the store cannot be written to now."""
        probe = self.new_file()
        try:
            probe.write(b"\0")
            if self._fsync:
                await self._in_thread(os.fsync, probe.descriptor)
        finally:
            probe.abort()

    async def clean_abandoned(
        self, older_than_seconds: float = ABANDONED_AFTER_SECONDS, *, dry_run: bool = False
    ) -> int:
        """Remove temporaries of processes that died, or only look for them; return how many."""
        return await self._in_thread(self._clean_abandoned, time.time() - older_than_seconds, dry_run=dry_run)

    async def close(self) -> None:
        """Let running commits end and give the threads back."""
        await asyncio.to_thread(self._executor.shutdown)
        self._flushers.shutdown()

    async def _in_thread(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: function(*args, **kwargs)
        )

    def _open(self, key: str) -> int:
        try:
            return os.open(self._paths.path_of(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ObjectNotFoundError(key) from error

    def _move(self, source: Path, target: Path, source_key: str) -> None:
        try:
            with full_disk_named():
                rename_durably(source, target, fsync=self._fsync)
        except (FileNotFoundError, NotADirectoryError) as error:
            if target.is_file():
                return
            raise ObjectNotFoundError(source_key) from error
        if self._fsync and source.parent != target.parent:
            sync_folder(source.parent)

    def _walk(self, prefix: str) -> Iterator[ObjectStat]:
        for folder, folders, names in os.walk(self._paths.root):
            keys = {name: self._paths.key_of(f"{folder}/{name}") for name in folders}
            folders[:] = [name for name, key in keys.items() if _may_hold(key, prefix)]
            for name in names:
                key = self._paths.key_of(f"{folder}/{name}")
                if not key.startswith(prefix):
                    continue
                try:
                    found = Path(folder, name).lstat()
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(found.st_mode):
                    yield _stat_of(key, found)

    def _clean_abandoned(self, before: float, *, dry_run: bool) -> int:
        removed = 0
        for entry in os.scandir(self._temporaries):
            try:
                if entry.stat(follow_symlinks=False).st_mtime < before:
                    if not dry_run:
                        Path(entry.path).unlink()
                    removed += 1
            except FileNotFoundError:
                continue
        return removed


def _may_hold(folder_key: str, prefix: str) -> bool:
    """Return whether a folder can hold keys with this prefix."""
    inside = f"{folder_key}/"
    return not folder_key.startswith(".") and (inside.startswith(prefix) or prefix.startswith(inside))


def _take(found: Iterator[ObjectStat], count: int) -> list[ObjectStat]:
    return [item for _, item in zip(range(count), found, strict=False)]


def _stat_of(key: str, found: os.stat_result) -> ObjectStat:
    return ObjectStat(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))
