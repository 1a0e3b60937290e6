"""A second name for a finished file, or a second file where the file system has no such thing."""

import errno
import os
import shutil
from pathlib import Path

from mediamill_storage.atomic_file import full_disk_named, rename_durably

_NO_LINKS = frozenset({errno.EACCES, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EXDEV})
"""What the system says where this process cannot give the file another name."""


def duplicate(source: Path, temporary: Path, target: Path, *, fsync: bool) -> None:
    """Make `source` appear as `target` too, whole and durable, replacing what was there; blocks.

    `temporary` is a free name on the same file system. The time of the last change becomes now, before the
    target appears: whoever removes old files that nothing refers to yet must not take it for one of them.
    """
    try:
        _link(source, temporary, fsync=fsync)
        rename_durably(temporary, target, fsync=fsync)
    finally:
        temporary.unlink(missing_ok=True)


def _link(source: Path, temporary: Path, *, fsync: bool) -> None:
    with full_disk_named():
        try:
            os.utime(source)
            os.link(source, temporary, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _copy(source, temporary, fsync=fsync)


def _copy(source: Path, temporary: Path, *, fsync: bool) -> None:
    with source.open("rb") as reader, temporary.open("xb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
        if fsync:
            writer.flush()
            os.fsync(writer.fileno())
