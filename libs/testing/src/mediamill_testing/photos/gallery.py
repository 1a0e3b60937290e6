"""Everyday pictures in number: every real photograph in the formats that people upload."""

from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from mediamill_testing.photos.blueprint import Blueprint
from mediamill_testing.photos.exif import as_stored, camera_exif
from mediamill_testing.photos.sources import real_photo, real_photo_names

_TYPES = {"jpg": "image/jpeg", "webp": "image/webp", "png": "image/png"}


def _everyday(path: Path, *, source: str, orientation: int = 1, **options: Any) -> Image.Image:
    upright = real_photo(source).convert("RGB")
    as_stored(upright, orientation).save(path, exif=camera_exif(orientation), **options)
    return upright


def _blueprints(position: int, source: str) -> tuple[Blueprint, ...]:
    turned = 1 + position % 8
    writers = {
        f"gallery_{source}_camera.jpg": partial(_everyday, source=source, quality=92, orientation=turned),
        f"gallery_{source}_web.jpg": partial(_everyday, source=source, quality=75, progressive=True),
        f"gallery_{source}_shared.webp": partial(_everyday, source=source, quality=80, method=1),
        f"gallery_{source}_export.png": partial(_everyday, source=source, compress_level=3),
    }
    return tuple(
        Blueprint(name, _TYPES[name.rsplit(".", 1)[1]], writer, tolerance=8)
        for name, writer in writers.items()
    )


GALLERY = tuple(
    blueprint
    for position, source in enumerate(real_photo_names())
    for blueprint in _blueprints(position, source)
)
