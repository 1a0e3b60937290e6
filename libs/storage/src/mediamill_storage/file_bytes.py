"""A file on a disk for code that reads it here and there, without mapping it.

The verdict on a file takes its beginning, its end and a few places between. To map it for that, and to take
the mapping down again, costs more than to read them, and each core that runs a thread of the process pays.
"""

import os

from mediamill_storage.byte_view import RangedBytes

WINDOW_BYTES = 16 * 1024
"""Read at least: what lies close together is read once."""


class FileBytes(RangedBytes):
    """`size` bytes of a file that is open for reading, one window of which is in memory.

    Asking for bytes raises EOFError if the file became shorter.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        super().__init__(size)
        self._descriptor = descriptor
        self._start = 0
        self._window = b""

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
        if not self._start <= start <= end <= self._start + len(self._window):
            wanted = min(self._size - start, max(WINDOW_BYTES, end - start))
            self._start, self._window = start, os.pread(self._descriptor, wanted, start)
            if len(self._window) < wanted:
                raise EOFError("the file became shorter while it was looked at")
        return self._window[start - self._start : end - self._start]
