"""Reads what a file claims about itself, and refuses by it: a decompression bomb is never decompressed."""

from dataclasses import dataclass
from pathlib import Path

import pyvips

from mediamill_contracts.recipe import Limits
from mediamill_processor.pipeline import heic
from mediamill_processor.pipeline.content import HEIC, LOADERS
from mediamill_processor.pipeline.failures import decoding_failure
from mediamill_processor.pipeline.verdicts import UnacceptableFileError

_ANIMATED_TYPES = frozenset({"image/gif", "image/webp"})
_UPRIGHT = 1
_FIRST_SIDEWAYS_ORIENTATION = 5
"""EXIF orientations 5 to 8 swap width and height."""
FAIL_ON = "truncated"
"""libvips delivers grey where a file was cut off, unless told to fail."""


@dataclass(frozen=True)
class Header:
    """A picture as its header describes it; width and height in pixels, after orientation."""

    source: Path
    media_type: str
    size_bytes: int
    width: int
    height: int
    frames: int = 1
    turned: bool = False
    """Whether orientation turns or mirrors the stored pixels."""
    sideways: bool = False
    """Whether it swaps their width and height."""
    interpretation: str = "srgb"
    """Colour space of the stored pixels, as libvips names it."""

    @property
    def total_pixels(self) -> int:
        """Pixels of all frames together."""
        return self.width * self.height * self.frames


def read_header(source: Path, media_type: str) -> Header:
    """Return the header of a file whose content was checked; raises UnacceptableFileError."""
    size_bytes = source.stat().st_size
    if media_type == HEIC:
        width, height = heic.size_of(source)
        return Header(source, media_type, size_bytes, width, height)
    try:
        image = pyvips.Image.new_from_file(str(source), access="sequential", fail_on=FAIL_ON)
    except pyvips.Error as error:
        raise decoding_failure(error) from error
    if image.get("vips-loader") != LOADERS[media_type]:
        raise UnacceptableFileError("type_mismatch", f"the file is not {media_type}")
    frames = image.get_n_pages() if media_type in _ANIMATED_TYPES else 1
    width, height = image.width, image.height
    orientation = _orientation(image)
    sideways = frames == 1 and orientation >= _FIRST_SIDEWAYS_ORIENTATION
    if sideways:
        width, height = height, width
    return Header(
        source,
        media_type,
        size_bytes,
        width,
        height,
        frames,
        turned=orientation != _UPRIGHT,
        sideways=sideways,
        interpretation=image.interpretation,
    )


def check_limits(header: Header, limits: Limits) -> None:
    """Raise UnacceptableFileError when decoding would cost more than `limits` allow."""
    pixels = header.width * header.height
    if pixels > limits.max_pixels:
        raise UnacceptableFileError(
            "too_many_pixels", f"{pixels / 1e6:.1f} megapixels; {limits.max_pixels / 1e6:g} are allowed"
        )
    if max(header.width, header.height) > limits.max_side:
        raise UnacceptableFileError(
            "side_too_long", f"{header.width} x {header.height} pixels; {limits.max_side} a side are allowed"
        )
    if header.frames > limits.max_frames:
        raise UnacceptableFileError(
            "too_many_frames", f"{header.frames} frames; {limits.max_frames} are allowed"
        )
    if header.total_pixels > limits.max_total_pixels:
        raise UnacceptableFileError(
            "too_many_pixels",
            f"{header.total_pixels / 1e6:.1f} megapixels in all frames together; "
            f"{limits.max_total_pixels / 1e6:g} are allowed",
        )


def _orientation(image: pyvips.Image) -> int:
    return int(image.get("orientation")) if image.get_typeof("orientation") else _UPRIGHT
