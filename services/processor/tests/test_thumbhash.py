"""Placeholders are those that every ThumbHash reader understands."""

from collections.abc import Callable

import pytest

from mediamill_processor.pipeline.thumbhash import thumbhash

Paint = Callable[[int, int], tuple[int, int, int, int]]

REFERENCE: dict[str, tuple[int, int, Paint, str]] = {
    "landscape": (
        24,
        16,
        lambda x, y: (x * 10, y * 15, x * y % 256, 255),
        "19090e15987077878078888787778787f92a0ff788",
    ),
    "portrait": (
        13,
        20,
        lambda x, y: (255 - x * 9, x * x % 256, y * 12, 255),
        "5e280b651c9687807888887888877878878ff88688",
    ),
    "transparent": (
        20,
        20,
        lambda x, y: (x * 12, y * 12, 128, 0 if x < 10 else y * 13 % 256),
        "2629820d0424d573d0854e7798d5d05efd14708ab268887888",
    ),
    "one pixel": (
        1,
        1,
        lambda _x, _y: (200, 30, 60, 255),
        "985933775408f708888788708f7088f80888808008088800",
    ),
}
"""Pictures, and what the JavaScript package `thumbhash` 0.1.1 makes of them."""
_HEAD_BYTES = 5


@pytest.mark.parametrize(("width", "height", "paint", "expected"), REFERENCE.values(), ids=REFERENCE.keys())
def test_hashes_agree_with_the_reference(width: int, height: int, paint: Paint, expected: str) -> None:
    """Size, means and scales are equal; of the waves, one that is nil may round up or down."""
    rgba = b"".join(bytes(paint(x, y)) for y in range(height) for x in range(width))
    made, wanted = thumbhash(width, height, rgba), bytes.fromhex(expected)
    assert made[:_HEAD_BYTES] == wanted[:_HEAD_BYTES]
    assert len(made) == len(wanted)
    for ours, theirs in zip(made[_HEAD_BYTES:].hex(), wanted[_HEAD_BYTES:].hex(), strict=True):
        assert abs(int(ours, 16) - int(theirs, 16)) <= 1


def test_a_fully_transparent_picture_has_a_hash() -> None:
    """Nothing visible is no reason to fail."""
    assert len(thumbhash(10, 10, bytes(400))) <= 25
