"""JPEGs as cameras, phones, scanners and print shops write them."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageChops

from mediamill_testing.photos.blueprint import Blueprint
from mediamill_testing.photos.exif import ORIENTATIONS, as_stored, camera_exif
from mediamill_testing.photos.icc import build_profile, from_srgb
from mediamill_testing.photos.sources import real_photo

_JPEG = "image/jpeg"
_NAIVE_INKS = 70
"""Readers turn CMYK without a profile into RGB each by their own idea of ink: only the gist is comparable."""


def _plain(path: Path, *, source: str, **options: Any) -> Image.Image:
    picture = real_photo(source)
    picture.save(path, "JPEG", quality=90, **options)
    return picture


def _oriented(path: Path, *, orientation: int) -> Image.Image:
    upright = real_photo("coffee")
    stored = as_stored(upright, orientation)
    stored.save(path, "JPEG", quality=90, exif=camera_exif(orientation))
    return upright


def _wide_gamut(path: Path, *, profile: str) -> Image.Image:
    upright = real_photo("flower")
    converted = Image.fromarray(from_srgb(np.asarray(upright), profile))
    converted.save(path, "JPEG", quality=92, icc_profile=build_profile(profile))
    return upright


def _cmyk_adobe(path: Path) -> Image.Image:
    """Write inks inverted, marked by an Adobe segment: the form that Photoshop made common."""
    upright = real_photo("china")
    upright.convert("CMYK").save(path, "JPEG", quality=92)
    return upright


def _cmyk_plain(path: Path) -> Image.Image:
    """Write inks as they are, without the Adobe segment that announces inversion."""
    upright = real_photo("china")
    ImageChops.invert(upright.convert("CMYK")).save(path, "JPEG", quality=92)
    path.write_bytes(_without_segment(path.read_bytes(), marker=0xEE))
    return upright


def _without_segment(jpeg: bytes, *, marker: int) -> bytes:
    position = 2
    while jpeg[position + 1] != 0xDA:
        length = 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
        if jpeg[position + 1] == marker:
            return jpeg[:position] + jpeg[position + length :]
        position += length
    return jpeg


JPEGS = (
    Blueprint("jpeg_baseline.jpg", _JPEG, partial(_plain, source="china")),
    Blueprint("jpeg_progressive.jpg", _JPEG, partial(_plain, source="flower", progressive=True)),
    Blueprint("jpeg_full_chroma.jpg", _JPEG, partial(_plain, source="rocket", subsampling="4:4:4")),
    Blueprint("jpeg_grey.jpg", _JPEG, partial(_plain, source="camera")),
    Blueprint("jpeg_with_gps.jpg", _JPEG, partial(_plain, source="chelsea", exif=camera_exif())),
    Blueprint("jpeg_with_restarts.jpg", _JPEG, partial(_plain, source="coffee", restart_marker_rows=1)),
    *(
        Blueprint(f"jpeg_orientation_{value}.jpg", _JPEG, partial(_oriented, orientation=value))
        for value in ORIENTATIONS
    ),
    Blueprint("jpeg_display_p3.jpg", _JPEG, partial(_wide_gamut, profile="Display P3"), tolerance=8),
    Blueprint("jpeg_adobe_rgb.jpg", _JPEG, partial(_wide_gamut, profile="Adobe RGB"), tolerance=8),
    Blueprint("jpeg_cmyk_adobe.jpg", _JPEG, _cmyk_adobe, tolerance=_NAIVE_INKS),
    Blueprint("jpeg_cmyk_plain.jpg", _JPEG, _cmyk_plain, tolerance=_NAIVE_INKS),
)
