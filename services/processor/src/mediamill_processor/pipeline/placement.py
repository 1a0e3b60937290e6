"""Works out where a mark goes and how large it is, in pixels."""

from dataclasses import dataclass

from mediamill_contracts.mark import MarkStyle, Position

_SHARES: dict[Position, tuple[float, float]] = {
    "top_left": (0, 0),
    "top": (0.5, 0),
    "top_right": (1, 0),
    "left": (0, 0.5),
    "center": (0.5, 0.5),
    "right": (1, 0.5),
    "bottom_left": (0, 1),
    "bottom": (0.5, 1),
    "bottom_right": (1, 1),
}
"""How much of the room beside the mark is on its left, and above it."""


@dataclass(frozen=True)
class Box:
    """A width and a height in pixels."""

    width: int
    height: int


def mark_size(mark: Box, picture: Box, style: MarkStyle) -> Box:
    """Return a mark's size: `scale` of the picture's width, less where margins or the height leave less."""
    width = min(picture.width * style.scale, max(1, picture.width - 2 * style.margin))
    room = max(1, picture.height - 2 * style.margin)
    scale = min(width / mark.width, room / mark.height)
    return Box(max(1, round(mark.width * scale)), max(1, round(mark.height * scale)))


def mark_offset(mark: Box, picture: Box, style: MarkStyle) -> tuple[int, int]:
    """Return left and top of a mark that is not tiled; the margin shrinks where there is no room for it."""
    left_share, top_share = _SHARES[style.position]
    return (
        _offset(picture.width - mark.width, style.margin, left_share),
        _offset(picture.height - mark.height, style.margin, top_share),
    )


def _offset(room: int, margin: int, share: float) -> int:
    inset = min(margin, room // 2)
    return round(inset + (room - 2 * inset) * share)
