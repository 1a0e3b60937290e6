"""Pictures at the edges of what is allowed: one pixel, slivers, and a hundred megapixels."""

from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from mediamill_testing.photos.blueprint import Blueprint
from mediamill_testing.photos.sources import real_photo

_HUNDRED_MEGAPIXELS = 10_000
"""Width and height, pixels."""


def _resized(path: Path, *, size: tuple[int, int], **options: Any) -> Image.Image:
    picture = real_photo("china").resize(size, Image.Resampling.BICUBIC)
    picture.save(path, **options)
    return picture


def _mosaic(path: Path, *, factor: int, **options: Any) -> Image.Image:
    """Write a huge picture of flat grey squares: quick to make, small on disk, and every pixel counts."""
    side = _HUNDRED_MEGAPIXELS // factor
    small = real_photo("camera").convert("L").resize((side, side), Image.Resampling.BOX)
    small.resize((_HUNDRED_MEGAPIXELS, _HUNDRED_MEGAPIXELS), Image.Resampling.NEAREST).save(path, **options)
    return small


SHAPES = (
    Blueprint("one_pixel.png", "image/png", partial(_resized, size=(1, 1))),
    Blueprint("one_pixel.jpg", "image/jpeg", partial(_resized, size=(1, 1), quality=95)),
    Blueprint("tiny.jpg", "image/jpeg", partial(_resized, size=(7, 5), quality=95), tolerance=16),
    Blueprint("wide.jpg", "image/jpeg", partial(_resized, size=(20_000, 10), quality=90)),
    Blueprint("tall.png", "image/png", partial(_resized, size=(10, 20_000))),
    Blueprint("panorama.jpg", "image/jpeg", partial(_resized, size=(6_000, 900), quality=85)),
)

HUGE = (
    Blueprint("huge_100_megapixels.jpg", "image/jpeg", partial(_mosaic, factor=40, quality=75), enlarged=40),
    Blueprint(
        "huge_100_megapixels.png",
        "image/png",
        partial(_mosaic, factor=40, compress_level=1),
        enlarged=40,
    ),
)
"""Slow to decode (seconds) and large in memory: tests ask for them by name."""
