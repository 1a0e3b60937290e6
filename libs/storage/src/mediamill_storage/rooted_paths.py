"""Turns keys into paths below one folder, so that no key and no symbolic link leads out of it."""

import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")
"""Segments begin with a letter or digit: no empty one, no `.`, no `..`, no hidden file."""


class UnsafeKeyError(ValueError):
    """The key does not name an object inside the store."""


def check_key(key: str) -> None:
    """Raise UnsafeKeyError when a key is malformed: the same ones in every store."""
    if len(key) > 512 or not _KEY.fullmatch(key):
        raise UnsafeKeyError(f"malformed key: {key[:80]!r}")


class RootedPaths:
    """Resolves keys below `root`, which must exist."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self._prefix = f"{self.root}{os.sep}"

    def path_of(self, key: str) -> Path:
        """Return the path of `key`; raises UnsafeKeyError when it is malformed or led away by a link."""
        return self.paths_of((key,))[0]

    def paths_of(self, keys: Iterable[str]) -> list[Path]:
        """Return the paths of several keys, as `path_of` does, with one look at a folder that they share."""
        no_links: set[str] = set()
        return [self._path_of(key, no_links) for key in keys]

    def key_of(self, path: str) -> str:
        """Return the key of a path that is below the root."""
        return path.removeprefix(self._prefix)

    def _path_of(self, key: str, no_links: set[str]) -> Path:
        check_key(key)
        path = self._prefix + key
        if self._has_link(path, no_links):
            raise UnsafeKeyError(f"key leads through a symbolic link: {key!r}")
        return Path(path)

    def _has_link(self, path: str, no_links: set[str]) -> bool:
        """Look at each step below the root, which holds no link itself; what is missing leads nowhere.

        Steps in `no_links` were looked at just now, and those that are found to be none are added.
        """
        end = len(self._prefix)
        while end != -1:
            end = path.find(os.sep, end + 1)
            step = path if end == -1 else path[:end]
            if step in no_links:
                continue
            try:
                mode = os.lstat(step).st_mode
            except OSError:
                return False
            if stat.S_ISLNK(mode):
                return True
            no_links.add(step)
        return False
