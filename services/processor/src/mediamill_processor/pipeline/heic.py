"""Reads HEIC with libheif and libde265, since the binary distribution of libvips has no HEVC decoder.

The container's own rotation and mirroring are applied by libheif; an EXIF orientation beside them is only
informative (ISO/IEC 23008-12) and must not be applied again.
"""

from pathlib import Path

import pi_heif
import pyvips

from mediamill_processor.pipeline.verdicts import UnacceptableFileError

_BANDS = {"L": 1, "LA": 2, "La": 2, "RGB": 3, "RGBA": 4, "RGBa": 4}
_ERRORS = (ValueError, EOFError, SyntaxError, RuntimeError, OSError)
"""What the library documents that it raises."""


def size_of(source: Path) -> tuple[int, int]:
    """Return width and height in pixels from the header, without decoding; raises UnacceptableFileError."""
    width, height = _open(source).size
    return int(width), int(height)


def load_scaled(source: Path, width: int, height: int) -> pyvips.Image:
    """Return the primary picture in memory, scaled to `width` x `height`, with its colour profile."""
    file = _open(source)
    try:
        data = file.data
    except _ERRORS as error:
        raise UnacceptableFileError("corrupt", "the picture cannot be decoded") from error
    bands = _BANDS[file.mode]
    image = pyvips.Image.new_from_memory(data, *file.size, bands, "uchar")
    image = image.copy(interpretation="srgb" if bands >= 3 else "b-w")
    if file.mode.endswith("a"):
        image = image.unpremultiply().cast("uchar")
    profile = file.info.get("icc_profile")
    if profile:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    # The pixels belong to `file` and go with it.
    return image.thumbnail_image(width, height=height, size="force").copy_memory()


def _open(source: Path) -> pi_heif.HeifFile:
    try:
        return pi_heif.open_heif(source, convert_hdr_to_8bit=True)
    except _ERRORS as error:
        raise UnacceptableFileError("corrupt", "the picture cannot be read") from error
