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
        side_by_side = flushers.map if fsync else map
        stored = list(side_by_side(partial(_measure, fsync=fsync), sources))
        for source, target in files:
            _move(source, target, temporaries, fsync=fsync)
        if fsync:
            for folder in {target.parent for _, target in files}:
                sync_folder(folder)
    return stored


def _measure(source: Path, *, fsync: bool) -> StoredFile:
    """Hash the file and flush it; a symbolic link is refused, whoever wrote the file may not be trusted."""
    with os.fdopen(os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        if fsync:
            os.fsync(file.fileno())
        return StoredFile(file.tell(), digest.hexdigest())


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
