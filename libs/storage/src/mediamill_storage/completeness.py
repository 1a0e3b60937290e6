"""Tells a file that was cut off, from its own structure and without decoding.

Only what is certain counts: bytes after a picture's end are common (phones append video and depth maps)
and no fault. What this misses, the decoder finds.
"""

from typing import Literal

from mediamill_storage.byte_view import ByteView

_MARKERS_WITHOUT_LENGTH = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})
_SCAN_START = 0xDA
_MAX_STEPS = 4_096
"""Segments or boxes looked at; real files have a few dozen."""


def is_complete(data: ByteView, media_type: str) -> bool:
    """Return False when `data`, a file of this media type, certainly lacks its end."""
    check = _CHECKS.get(media_type)
    return check is None or check(data)


def _jpeg(data: ByteView) -> bool:
    """Look for the end marker after the first scan: an embedded thumbnail before it has one of its own."""
    position = 2
    for _ in range(_MAX_STEPS):
        if position + 4 > len(data):
            return False
        if data[position] != 0xFF:
            return True  # not the structure expected: let the decoder judge
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
        elif marker in _MARKERS_WITHOUT_LENGTH:
            position += 2
        elif marker == _SCAN_START:
            return data.rfind(b"\xff\xd9", position) != -1
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return True


def _png(data: ByteView) -> bool:
    return data.rfind(b"IEND\xae\x42\x60\x82", 0) != -1


def _webp(data: ByteView) -> bool:
    return len(data) >= 12 and 8 + int.from_bytes(data[4:8], "little") <= len(data)


def _gif(data: ByteView) -> bool:
    """Require the header and screen descriptor; many sound files lack the trailer."""
    return len(data) > 13


def _tiff(data: ByteView) -> bool:
    """Require that the first directory lies inside the file."""
    if len(data) < 16:
        return False
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    if data[2:4] in (b"+\0", b"\0+"):
        return int.from_bytes(data[8:16], order) + 8 <= len(data)
    return int.from_bytes(data[4:8], order) + 2 <= len(data)


def _iso_media(data: ByteView) -> bool:
    """Walk the top-level boxes: none may reach past the end (ISO/IEC 14496-12, section 4.2)."""
    position = 0
    for _ in range(_MAX_STEPS):
        if position + 8 > len(data):
            return position <= len(data)
        size = int.from_bytes(data[position : position + 4], "big")
        if size == 1 and position + 16 <= len(data):
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        if size == 0:
            return True
        if size < 8:
            return True  # not the structure expected: let the decoder judge
        position += size
    return True


_CHECKS = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
    "image/gif": _gif,
    "image/tiff": _tiff,
    "image/avif": _iso_media,
    "image/heic": _iso_media,
    "video/mp4": _iso_media,
    "video/quicktime": _iso_media,
}
