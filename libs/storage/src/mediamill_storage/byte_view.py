"""Bytes that are looked at here and there, wherever they are: code that judges a file is written once."""

from abc import ABC, abstractmethod
from typing import Protocol, overload


class ByteView(Protocol):
    """What `mmap`, FileBytes and SparseBytes have in common."""

    def __len__(self) -> int:
        """Return how many bytes there are."""

    @overload
    def __getitem__(self, key: int, /) -> int: ...
    @overload
    def __getitem__(self, key: slice, /) -> bytes: ...

    def rfind(self, sub: bytes, start: int, /) -> int:
        """Return where `sub` begins last at or after `start`, or -1."""


class RangedBytes(ABC):
    """A view of `size` bytes that are had a range at a time."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        """Return the size of the whole."""
        return self._size

    @overload
    def __getitem__(self, key: int, /) -> int: ...
    @overload
    def __getitem__(self, key: slice, /) -> bytes: ...
    def __getitem__(self, key: int | slice, /) -> int | bytes:
        """Return one byte, or those of a slice without a step."""
        if isinstance(key, slice):
            start, end, _ = key.indices(self._size)
            return self._range(start, end) if start < end else b""
        return self._range(key, key + 1)[0]

    @abstractmethod
    def _range(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to `end` (exclusive), of which there is at least one."""
