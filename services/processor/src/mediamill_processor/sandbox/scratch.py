"""Scratch folders for jobs, beside the objects so that a finished variant is renamed into place, not copied.

Each process has a folder of its own and holds a lock on it while it lives: a folder that another process can
lock belongs to a dead one and may be removed, and nothing else.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

_FOLDER = ".scratch"
"""Begins with a dot: no object's key can name it."""


class ScratchFolder:
    """The scratch folder of one process, below a store's root. Call `open` before use, and `close`."""

    def __init__(self, root: Path) -> None:
        self._parent = root.absolute() / _FOLDER
        self.path = self._parent / uuid4().hex
        self._lock: int | None = None
        self._empty: list[Path] = []

    def open(self) -> None:
        """Make the folder, and remove those of processes that died."""
        self._parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._remove_abandoned()
        while self._lock is None:
            self.path.mkdir(mode=0o700, exist_ok=True)
            self._lock = _lock(self.path, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove the folder and all in it."""
        if self._lock is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = None

    @contextmanager
    def job_folder(self) -> Iterator[Path]:
        """Give an empty folder for one job; what is left in it is removed, whatever became of the job.

        A folder that is empty again serves the next job: making one anew costs a millisecond where others
        were removed within seconds, as file systems avoid their inodes for that long.
        """
        folder = self._empty.pop() if self._empty else self._new_folder()
        try:
            yield folder
        finally:
            if _is_empty(folder):
                self._empty.append(folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)

    def _new_folder(self) -> Path:
        folder = self.path / uuid4().hex
        folder.mkdir(mode=0o700)
        return folder

    def _remove_abandoned(self) -> None:
        for folder in self._parent.iterdir():
            with suppress(BlockingIOError):
                lock = _lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if lock is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                    os.close(lock)


def _is_empty(folder: Path) -> bool:
    """Tell whether there is still a folder, no link to one, with nothing in it."""
    try:
        with os.scandir(folder) as entries:
            return not folder.is_symlink() and next(entries, None) is None
    except OSError:
        return False


def _lock(folder: Path, operation: int) -> int | None:
    """Lock a folder and return the descriptor that holds the lock; None when it was removed meanwhile."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, operation)
        held = os.fstat(descriptor)
        now = folder.stat()
    except FileNotFoundError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    if (held.st_dev, held.st_ino) != (now.st_dev, now.st_ino):
        os.close(descriptor)
        return None
    return descriptor
