"""Says what a page wants to know of a picture before it has loaded: a placeholder and the dominant colour."""

import base64
from collections import Counter

import pyvips

from mediamill_processor.pipeline.thumbhash import thumbhash

_SIDE = 24
"""Pixels; a ThumbHash keeps seven waves a side, more detail is lost on it."""
_RGBA_BANDS = 4
_BUCKET_BITS = 4
_HALF_OPAQUE = 128
_NOTHING_VISIBLE = "#ffffff"


def describe(picture: pyvips.Image) -> tuple[str, str]:
    """Return the Base64 of the ThumbHash and the dominant colour as `#rrggbb` of one frame of 8-bit sRGB."""
    small = picture
    if max(picture.width, picture.height) > _SIDE:
        small = picture.thumbnail_image(_SIDE, height=_SIDE, size="down", no_rotate=True)
    rgba = _rgba(bytes(small.write_to_memory()), small.bands)
    encoded = base64.b64encode(thumbhash(small.width, small.height, rgba)).decode()
    return encoded, dominant_colour(rgba)


def _rgba(pixels: bytes, bands: int) -> bytes:
    """Return `pixels` with an opaque alpha when there is none: so few are faster here than in libvips."""
    if bands == _RGBA_BANDS:
        return pixels
    rgba = bytearray(b"\xff") * (len(pixels) // bands * _RGBA_BANDS)
    for band in range(bands):
        rgba[band::_RGBA_BANDS] = pixels[band::bands]
    return bytes(rgba)


def dominant_colour(rgba: bytes) -> str:
    """Return the mean of the most frequent kind of colour, kinds being 16 steps of each band."""
    visible = [pixel for pixel in zip(*[iter(rgba)] * 4, strict=True) if pixel[3] >= _HALF_OPAQUE]
    if not visible:
        return _NOTHING_VISIBLE
    shift = 8 - _BUCKET_BITS
    kinds = Counter((r >> shift, g >> shift, b >> shift) for r, g, b, _ in visible)
    kind = kinds.most_common(1)[0][0]
    members = [(r, g, b) for r, g, b, _ in visible if (r >> shift, g >> shift, b >> shift) == kind]
    return "#" + "".join(f"{round(sum(band) / len(members)):02x}" for band in zip(*members, strict=True))
