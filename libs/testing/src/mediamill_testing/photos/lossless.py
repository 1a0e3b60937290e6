"""PNG and TIFF in the depths and colour models that desktop programs export."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mediamill_testing.photos.blueprint import Blueprint
from mediamill_testing.photos.exif import as_stored, camera_exif
from mediamill_testing.photos.png import encode_16_bit
from mediamill_testing.photos.sources import real_photo

_PNG, _TIFF = "image/png", "image/tiff"


def faded(source: str) -> Image.Image:
    """Return a photograph that fades from opaque at the left to clear at the right."""
    picture = real_photo(source).convert("RGBA")
    ramp = np.linspace(255, 0, picture.width).astype(np.uint8)
    picture.putalpha(Image.fromarray(np.tile(ramp, (picture.height, 1))))
    return picture


def _saved(path: Path, *, source: str, mode: str | None = None, **options: Any) -> Image.Image:
    picture = real_photo(source)
    converted = picture.convert(mode) if mode else picture
    converted.save(path, **options)
    return picture


def _palette(path: Path) -> Image.Image:
    picture = real_photo("chelsea").quantize(128)
    picture.save(path, "PNG")
    return picture


def _palette_with_hole(path: Path) -> Image.Image:
    """Write palette colours of which one is fully clear, as old web graphics do."""
    picture = real_photo("chelsea").quantize(32)
    picture.save(path, "PNG", transparency=0)
    with Image.open(path) as stored:
        return stored.convert("RGBA")


def _faded_png(path: Path) -> Image.Image:
    picture = faded("astronaut")
    picture.save(path, "PNG")
    return picture


def _16_bit(path: Path, *, source: str) -> Image.Image:
    picture = real_photo(source)
    path.write_bytes(encode_16_bit(np.asarray(picture).astype(np.uint16) * 257))
    return picture


def _oriented_tiff(path: Path) -> Image.Image:
    upright = real_photo("rocket")
    as_stored(upright, 6).save(path, "TIFF", compression="tiff_lzw", exif=camera_exif(6))
    return upright


LOSSLESS = (
    Blueprint("png_rgb.png", _PNG, partial(_saved, source="motorcycle")),
    Blueprint("png_grey.png", _PNG, partial(_saved, source="brick")),
    Blueprint("png_black_and_white.png", _PNG, partial(_saved, source="camera", mode="1"), tolerance=12),
    Blueprint("png_palette.png", _PNG, _palette),
    Blueprint("png_palette_clear.png", _PNG, _palette_with_hole, has_alpha=True),
    Blueprint("png_alpha.png", _PNG, _faded_png, has_alpha=True),
    Blueprint("png_16_bit_grey.png", _PNG, partial(_16_bit, source="camera")),
    Blueprint("png_16_bit_rgb.png", _PNG, partial(_16_bit, source="coffee")),
    Blueprint("png_with_gps.png", _PNG, partial(_saved, source="rocket", exif=camera_exif())),
    Blueprint("tiff_plain.tif", _TIFF, partial(_saved, source="china")),
    Blueprint("tiff_lzw.tif", _TIFF, partial(_saved, source="flower", compression="tiff_lzw")),
    Blueprint(
        "tiff_deflate_grey.tif", _TIFF, partial(_saved, source="grass", compression="tiff_adobe_deflate")
    ),
    Blueprint("tiff_orientation_6.tif", _TIFF, _oriented_tiff),
)
