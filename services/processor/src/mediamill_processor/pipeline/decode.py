"""Decodes a picture once, shrinking while loading, into upright 8-bit sRGB pixels in memory.

All variants derive from this one picture: it costs less than a decode for each, and holds the original's
pixels only as far as the largest variant needs them.
"""

import pyvips

from mediamill_processor.pipeline import heic
from mediamill_processor.pipeline.colour import drop_opaque_alpha, to_srgb
from mediamill_processor.pipeline.content import HEIC
from mediamill_processor.pipeline.failures import decoding_failure
from mediamill_processor.pipeline.header import FAIL_ON, Header
from mediamill_processor.pipeline.inks import announces_inverted_inks

_THIN = 64
"""Pixels; JPEG may shrink by eight while loading, and a last row filled up to that weighs too much."""


def decode(header: Header, width: int, height: int, *, animated: bool) -> pyvips.Image:
    """Return the picture scaled to `width` x `height` pixels, with 3 or 4 bands of 8 bits.

    With `animated`, all frames, one below the other as libvips has them; else the first. Raises
    UnacceptableFileError when the pixels cannot be had, MemoryError when memory does not suffice.
    """
    try:
        scaled = _load(header, width, height, animated=animated)
        return drop_opaque_alpha(to_srgb(scaled).copy_memory()).copy_memory()
    except pyvips.Error as error:
        raise decoding_failure(error) from error


def _load(header: Header, width: int, height: int, *, animated: bool) -> pyvips.Image:
    """Scale in the picture's own colour space: its few pixels afterwards are cheaper to convert."""
    path = str(header.source)
    if header.media_type == HEIC:
        return heic.load_scaled(header.source, width, height)
    if animated:
        frames = pyvips.Image.new_from_file(path, n=-1, access="sequential", fail_on=FAIL_ON)
        return frames.thumbnail_image(width, height=height, size="force", no_rotate=True)
    if header.interpretation == "cmyk":
        return _load_cmyk(header, width, height)
    if (width, height) == (header.width, header.height) and not header.turned:
        return pyvips.Image.new_from_file(path, access="sequential", fail_on=FAIL_ON)
    if min(header.width, header.height) <= _THIN:
        image = pyvips.Image.new_from_file(path, fail_on=FAIL_ON)
        return image.thumbnail_image(width, height=height, size="force")
    return pyvips.Image.thumbnail(path, width, height=height, size="force", fail_on=FAIL_ON)


def _load_cmyk(header: Header, width: int, height: int) -> pyvips.Image:
    """Scale without `thumbnail`, which would convert all pixels of the original through a slow profile."""
    image = pyvips.Image.new_from_file(str(header.source), access="sequential", fail_on=FAIL_ON)
    if header.media_type == "image/jpeg" and not announces_inverted_inks(header.source):
        image = image.invert()
    if header.sideways:
        width, height = height, width
    scaled = image.resize(width / image.width, vscale=height / image.height)
    return scaled.copy_memory().autorot()
