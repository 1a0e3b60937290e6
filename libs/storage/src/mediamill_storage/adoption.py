"""Takes finished files into a folder of objects, several at once.

Flushing them side by side lets the file system write them in one transaction; one after the other, each waits
for one of its own.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from uuid import uuid4

from mediamill_storage.atomic_file import full_disk_named, rename, sync_folder
from mediamill_storage.object_store import StoredFile

_CHUNK_BYTES = 64 * 1024
"""Read at once: as much as the allocator keeps at hand, so that a small file costs no fresh pages."""


def adopt(
    files: Sequence[tuple[Path, Path]], temporaries: Path, flushers: Executor, *, fsync: bool
) -> list[StoredFile]:
    """Move each source to its target and return what it holds; blocks until the disk has them all.

    No target appears before all bytes are on the disk. `temporaries` is a folder on the targets' file system,
    for sources that are on another one. The caller's thread must not be one of `flushers`. Raises
    StorageFullError.
    """
    sources = [source for source, _ in files]
    with full_disk_named():
        stored = _measure_all(sources, flushers) if fsync else [_measure(source) for source in sources]
        for source, target in files:
            _move(source, target, temporaries, fsync=fsync)
        if fsync:
            for folder in {target.parent for _, target in files}:
                sync_folder(folder)
    return stored


def _measure_all(sources: Sequence[Path], flushers: Executor) -> list[StoredFile]:
    """Hash and flush the files: the first one here, while `flushers` do the others."""
    flush = partial(_measure, fsync=True)
    others = flushers.map(flush, sources[1:])
    return [*map(flush, sources[:1]), *others]


def _measure(source: Path, *, fsync: bool = False) -> StoredFile:
    """Hash the file and flush it; a symbolic link is refused, whoever wrote the file may not be trusted."""
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        digest, size = hashlib.sha256(), 0
        while chunk := os.read(descriptor, _CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
        if fsync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return StoredFile(size, digest.hexdigest())


def _move(source: Path, target: Path, temporaries: Path, *, fsync: bool) -> None:
    try:
        rename(source, target, fsync=fsync)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _move_across(source, target, temporaries / uuid4().hex, fsync=fsync)


def _move_across(source: Path, target: Path, temporary: Path, *, fsync: bool) -> None:
    """Bring the bytes onto the target's file system first: a rename across two of them is not possible."""
    try:
        shutil.copyfile(source, temporary, follow_symlinks=False)
        if fsync:
            with temporary.open("rb") as copied:
                os.fsync(copied.fileno())
        rename(temporary, target, fsync=fsync)
    finally:
        temporary.unlink(missing_ok=True)
    source.unlink()
