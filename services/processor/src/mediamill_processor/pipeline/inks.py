"""Tells the two kinds of CMYK JPEG apart: libvips takes all of them for inverted.

Photoshop writes 0 for full ink, and an Adobe segment that announces it; libjpeg's manual has the story.
A file without that segment means what it says.
"""

from pathlib import Path

_MAX_HEAD_BYTES = 1024 * 1024
"""Where the segments before the picture end at the latest; profiles and previews take most of it."""
_START_OF_SCAN = 0xDA
_ADOBE = 0xEE
_FIRST_MARKER_AT = 2


def announces_inverted_inks(source: Path) -> bool:
    """Return whether the JPEG has an Adobe segment."""
    with source.open("rb") as file:
        head = file.read(_MAX_HEAD_BYTES)
    position = _FIRST_MARKER_AT
    while position + 4 <= len(head) and head[position] == 0xFF and head[position + 1] != _START_OF_SCAN:
        if head[position + 1] == _ADOBE and head[position + 4 : position + 9] == b"Adobe":
            return True
        position += 2 + int.from_bytes(head[position + 2 : position + 4], "big")
    return False
