"""Draws a watermark on the pixels of a variant; of an animation, on every frame.

The mark is drawn on each variant at its own size, after scaling, so that it is sharp on all of them.
"""

from pathlib import Path
from typing import Protocol

import pyvips

from mediamill_contracts.recipe import Limits, ObjectRef, Watermark
from mediamill_processor.pipeline.content import check_content
from mediamill_processor.pipeline.decode import decode
from mediamill_processor.pipeline.derive import frame_count, frame_height
from mediamill_processor.pipeline.failures import encoding_failure
from mediamill_processor.pipeline.header import check_limits, read_header
from mediamill_processor.pipeline.lettering import shape_of_text, write_text
from mediamill_processor.pipeline.placement import Box, mark_offset, mark_size
from mediamill_processor.pipeline.verdicts import UnacceptableFileError

_MARK_LIMITS = Limits(max_pixels=25_000_000)
_LARGEST_SIDE = 4_096
_RGBA_BANDS = 4
_ALPHA = 3
_QUICK = 1
"""Compression of a PNG that is read once, soon."""


class UnusableMarkError(Exception):
    """The mark cannot be drawn. It says nothing about the picture that was to get it."""


class _Motif(Protocol):
    """What is drawn: its shape, and its pixels at a size."""

    shape: Box

    def at(self, size: Box) -> pyvips.Image: ...


class _Lettering:
    def __init__(self, text: str) -> None:
        self._text = text
        self.shape = Box(*shape_of_text(text))

    def at(self, size: Box) -> pyvips.Image:
        return write_text(self._text, size.width, size.height)


class _Picture:
    def __init__(self, path: Path, image: ObjectRef) -> None:
        check_content(path, image.media_type)
        header = read_header(path, image.media_type)
        check_limits(header, _MARK_LIMITS)
        shrink = min(1, _LARGEST_SIDE / max(header.width, header.height))
        self.shape = Box(max(1, round(header.width * shrink)), max(1, round(header.height * shrink)))
        pixels = decode(header, self.shape.width, self.shape.height, animated=False)
        self._pixels = pixels if pixels.hasalpha() else pixels.addalpha()

    def at(self, size: Box) -> pyvips.Image:
        return self._pixels.thumbnail_image(size.width, height=size.height, size="force", no_rotate=True)


class Stamp:
    """A watermark ready to be drawn on any number of variants, from more than one thread."""

    def __init__(self, mark: Watermark, image: Path | None) -> None:
        """Prepare; `image` is the file of an image mark. Raises UnusableMarkError."""
        self._mark = mark
        try:
            self._motif = _motif(mark, image)
        except (UnacceptableFileError, OSError, pyvips.Error) as error:
            raise UnusableMarkError(str(error).strip()) from error

    def draw(self, picture: pyvips.Image) -> pyvips.Image:
        """Return `picture`, 3 or 4 bands of 8-bit sRGB, with the mark; raises OSError or MemoryError."""
        try:
            return self._draw(picture)
        except pyvips.Error as error:
            raise encoding_failure(error) from error

    def write_layer(self, frame: Box, target: Path) -> None:
        """Write the mark alone, on nothing, as a PNG of the frame's size; raises OSError or MemoryError."""
        try:
            target.write_bytes(self._layer(frame).pngsave_buffer(compression=_QUICK))
        except pyvips.Error as error:
            raise encoding_failure(error) from error

    def _draw(self, picture: pyvips.Image) -> pyvips.Image:
        frame = Box(picture.width, frame_height(picture))
        layer = self._layer(frame).replicate(1, frame_count(picture))
        marked = picture.composite2(layer, "over")
        return marked if picture.hasalpha() else marked.extract_band(0, n=_ALPHA)

    def _layer(self, frame: Box) -> pyvips.Image:
        """Return the mark where it goes, on nothing, of a frame's size."""
        size = mark_size(self._motif.shape, frame, self._mark)
        mark = self._motif.at(size)
        alpha = (mark.extract_band(_ALPHA) * self._mark.opacity).rint().cast("uchar")
        mark = mark.extract_band(0, n=_ALPHA).bandjoin(alpha).copy(interpretation="srgb").copy_memory()
        if self._mark.position == "tiled":
            return _tile(mark, frame, self._mark.margin)
        return mark.embed(*mark_offset(size, frame, self._mark), frame.width, frame.height)


def _motif(mark: Watermark, image: Path | None) -> _Motif:
    if mark.text is not None:
        return _Lettering(mark.text)
    if mark.image is None or image is None:
        raise UnusableMarkError("the mark's image is not there")
    return _Picture(image, mark.image)


def _tile(mark: pyvips.Image, frame: Box, gap: int) -> pyvips.Image:
    """Repeat the mark over the frame, beginning half a gap from its corner."""
    width, height = mark.width + gap, mark.height + gap
    tile = mark.embed(gap // 2, gap // 2, width, height)
    across, down = -(-frame.width // width), -(-frame.height // height)
    return tile.replicate(across, down).crop(0, 0, frame.width, frame.height)
