"""A file read here and there shows the same bytes as the file read whole."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediamill_storage.file_bytes import WINDOW_BYTES, FileBytes

SIZE = 3 * WINDOW_BYTES + 17


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    """Return what the file holds."""
    content = random.Random(1).randbytes(SIZE)
    (tmp_path / "file").write_bytes(content)
    return content


@pytest.fixture
def view(tmp_path: Path, content: bytes) -> Iterator[FileBytes]:
    """Give the view of the file."""
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    yield FileBytes(descriptor, len(content))
    os.close(descriptor)


def test_bytes_and_slices_are_those_of_the_file(view: FileBytes, content: bytes) -> None:
    """In any order, across windows, from the end, and beyond it."""
    for position in (0, SIZE - 1, WINDOW_BYTES, WINDOW_BYTES - 1, 5):
        assert view[position] == content[position]
    for part in (slice(0, 8), slice(-8192, None), slice(WINDOW_BYTES - 3, 2 * WINDOW_BYTES + 3), slice(9, 4)):
        assert view[part] == content[part]
    assert view[SIZE - 3 : SIZE + 100] == content[-3:]
    assert view[0 : 2 * SIZE] == content
    assert len(view) == SIZE


@pytest.mark.parametrize(
    "position", [0, 3, WINDOW_BYTES, SIZE - WINDOW_BYTES - 2, SIZE - WINDOW_BYTES, SIZE - 4]
)
def test_the_last_occurrence_is_found_wherever_it_is(view: FileBytes, content: bytes, position: int) -> None:
    """Also where it lies across two windows of the search, or begins before the place asked for."""
    sought = content[position : position + 4]
    for start in (0, position, position + 1):
        assert view.rfind(sought, start) == content.rfind(sought, start)


def test_a_file_that_became_shorter_is_an_error(tmp_path: Path, view: FileBytes) -> None:
    """What is missing is never taken for bytes."""
    os.truncate(tmp_path / "file", 10)
    with pytest.raises(EOFError):
        view[SIZE - 5 : SIZE]
