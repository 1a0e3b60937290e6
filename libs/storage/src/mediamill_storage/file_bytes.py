"""A file on a disk for code that reads it here and there, without mapping it.

The verdict on a file takes its beginning, its end and a few places between. To map it for that, and to take
the mapping down again, costs more than to read them, and each core that runs a thread of the process pays.
"""

import os
from typing import overload

WINDOW_BYTES = 16 * 1024
"""Read at least: what lies close together is read once."""


class FileBytes:
    """`size` bytes of a file that is open for reading, one window of which is in memory."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self._start = 0
        self._window = b""

    def __len__(self) -> int:
        """Return the size of the whole file."""
        return self._size

    @overload
    def __getitem__(self, key: int, /) -> int: ...
    @overload
    def __getitem__(self, key: slice, /) -> bytes: ...
    def __getitem__(self, key: int | slice, /) -> int | bytes:
        """Return one byte, or those of a slice without a step; raises EOFError if the file became shorter."""
        if isinstance(key, slice):
            start, end, _ = key.indices(self._size)
            return self._range(start, end)
        return self._range(key, key + 1)[0]

    def rfind(self, sub: bytes, start: int, /) -> int:
        """Return where `sub` begins last at or after `start`, or -1."""
        end = self._size
        while end - start >= len(sub):
            begin = max(start, end - WINDOW_BYTES)
            found = self._range(begin, end).rfind(sub)
            if found != -1:
                return begin + found
            if begin == start:
                break
            end = begin + len(sub) - 1
        return -1

    def _range(self, start: int, end: int) -> bytes:
        if start >= end:
            return b""
        if not self._start <= start <= end <= self._start + len(self._window):
            wanted = min(self._size - start, max(WINDOW_BYTES, end - start))
            self._start, self._window = start, os.pread(self._descriptor, wanted, start)
            if len(self._window) < wanted:
                raise EOFError("the file became shorter while it was looked at")
        return self._window[start - self._start : end - self._start]
