"""Bytes of which only some were fetched, for code that reads a file here and there.

Whoever needs a byte that is missing gets MissingBytesError, which names the range; the caller fetches it,
adds it, and lets the code run again. So code that judges a file is written once, for files on a disk and for
objects that only come in ranges.
"""

from mediamill_storage.byte_view import RangedBytes

BLOCK_BYTES = 64 * 1024
"""Fetched at least: one round trip for all that lies close together."""
_SEARCH_BLOCKS = 16
"""Fetched at once by a search, which is going to need them all."""


class MissingBytesError(Exception):
    """Bytes `start` to `end` (exclusive) have to be added first."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__(f"bytes {start} to {end} are not here")
        self.start = start
        self.end = end


class SparseBytes(RangedBytes):
    """A file of `size` bytes, none of which is here yet; asking for one raises MissingBytesError."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._blocks: dict[int, bytes] = {}

    def rfind(self, sub: bytes, start: int, /) -> int:
        """Return where `sub` begins last at or after `start`, or -1; raises MissingBytesError."""
        end = self._size
        while end - start >= len(sub):
            begin = max(start, (end - 1) // BLOCK_BYTES * BLOCK_BYTES)
            self._require(begin, min(self._size, end + len(sub) - 1), ahead=_SEARCH_BLOCKS)
            found = self._range(begin, min(self._size, end + len(sub) - 1)).rfind(sub)
            if found != -1:
                return begin + found
            end = begin
        return -1

    def add(self, start: int, content: bytes) -> None:
        """Take in the bytes that a MissingBytesError asked for; `start` is the one that it named."""
        first = start // BLOCK_BYTES
        for offset in range(0, len(content), BLOCK_BYTES):
            self._blocks[first + offset // BLOCK_BYTES] = content[offset : offset + BLOCK_BYTES]

    def _range(self, start: int, end: int) -> bytes:
        self._require(start, end)
        first, last = start // BLOCK_BYTES, (end - 1) // BLOCK_BYTES
        joined = b"".join(self._blocks[number] for number in range(first, last + 1))
        return joined[start - first * BLOCK_BYTES : end - first * BLOCK_BYTES]

    def _require(self, start: int, end: int, *, ahead: int = 0) -> None:
        """Raise for the blocks that are missing, and for up to `ahead` more before them."""
        first, last = start // BLOCK_BYTES, (end - 1) // BLOCK_BYTES
        missing = [number for number in range(first, last + 1) if number not in self._blocks]
        if missing:
            lowest = missing[0]
            while missing[0] - lowest < ahead and lowest > 0 and lowest - 1 not in self._blocks:
                lowest -= 1
            raise MissingBytesError(lowest * BLOCK_BYTES, min(self._size, (missing[-1] + 1) * BLOCK_BYTES))
