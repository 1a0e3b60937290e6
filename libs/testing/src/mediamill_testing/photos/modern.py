"""WebP, AVIF, HEIC and GIF: still, with alpha, and moving."""

from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pillow_heif
from PIL import Image, ImageChops

from mediamill_testing.photos.blueprint import Blueprint
from mediamill_testing.photos.exif import as_stored, camera_exif
from mediamill_testing.photos.lossless import faded
from mediamill_testing.photos.sources import real_photo

_WEBP, _AVIF, _HEIC, _GIF = "image/webp", "image/avif", "image/heic", "image/gif"
ANIMATION_FRAMES = 12


def animation(source: str, *, size: tuple[int, int], frames: int) -> list[Image.Image]:
    """Return frames in which a photograph moves sideways, so that each differs from the one before."""
    first = real_photo(source).convert("RGB").resize(size)
    return [ImageChops.offset(first, index * size[0] // frames, 0) for index in range(frames)]


def save_animation(target: Path | BinaryIO, frames: list[Image.Image], **options: Any) -> None:
    """Write frames of 80 ms that repeat for ever."""
    frames[0].save(target, save_all=True, append_images=frames[1:], duration=80, loop=0, **options)


def _still(path: Path, *, source: str, **options: Any) -> Image.Image:
    picture = real_photo(source)
    picture.save(path, **options)
    return picture


def _faded(path: Path, *, source: str, **options: Any) -> Image.Image:
    picture = faded(source)
    picture.save(path, **options)
    return picture


def _oriented_webp(path: Path) -> Image.Image:
    upright = real_photo("astronaut")
    as_stored(upright, 8).save(path, quality=90, exif=camera_exif(8))
    return upright


def indexed(frames: list[Image.Image]) -> list[Image.Image]:
    """Return the frames in the palette of the first, as GIF needs them."""
    first = frames[0].quantize(256)
    return [frame.quantize(palette=first, dither=Image.Dither.NONE) for frame in frames]


def _moving_webp(path: Path) -> Image.Image:
    frames = animation("chelsea", size=(320, 213), frames=ANIMATION_FRAMES)
    save_animation(path, frames, quality=80, method=0)
    return frames[0]


def _moving_gif(path: Path) -> Image.Image:
    frames = animation("chelsea", size=(320, 213), frames=ANIMATION_FRAMES)
    save_animation(path, indexed(frames), optimize=False)
    return frames[0]


def _heic(path: Path) -> Image.Image:
    picture = real_photo("coffee")
    pillow_heif.from_pillow(picture).save(path, quality=80)
    return picture


MODERN = (
    Blueprint("webp_lossy.webp", _WEBP, partial(_still, source="china", quality=85)),
    Blueprint("webp_lossless.webp", _WEBP, partial(_still, source="rocket", lossless=True, method=0)),
    Blueprint("webp_alpha.webp", _WEBP, partial(_faded, source="coffee", quality=85), has_alpha=True),
    Blueprint("webp_orientation_8.webp", _WEBP, _oriented_webp),
    Blueprint("webp_animated.webp", _WEBP, _moving_webp, frames=ANIMATION_FRAMES),
    Blueprint("gif_still.gif", _GIF, partial(_still, source="camera")),
    Blueprint("gif_animated.gif", _GIF, _moving_gif, frames=ANIMATION_FRAMES, tolerance=10),
    Blueprint("avif_rgb.avif", _AVIF, partial(_still, source="flower", quality=75, speed=9)),
    Blueprint(
        "avif_alpha.avif", _AVIF, partial(_faded, source="chelsea", quality=75, speed=9), has_alpha=True
    ),
    Blueprint("heic_rgb.heic", _HEIC, _heic),
)
