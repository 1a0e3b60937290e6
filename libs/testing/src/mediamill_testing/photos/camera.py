"""Photographs of 5 to 12 megapixels whose files weigh what a phone's do.

The real photographs are small. Enlarged alone they would be smooth, and encoders would have an easy time;
so fine texture of the photograph itself and sensor noise are added until a file has about 0.3 bytes a pixel,
as phone cameras write it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from mediamill_testing.photos.exif import as_stored, camera_exif
from mediamill_testing.photos.sources import real_photo

_SIZES = ((3264, 2448), (2592, 1944), (4000, 3000), (2976, 2232), (3648, 2736), (2560, 1920))
"""Sensors of 8.0, 5.0, 12.0, 6.6, 10.0 and 4.9 megapixels."""
_SOURCES = ("china", "flower", "coffee", "astronaut", "motorcycle", "chelsea", "rocket")
_ORIENTATIONS = (1, 1, 6, 1, 3, 8)
_NOISE = 5.0
"""Standard deviation of the sensor's noise, of 255."""
_NOISE_SIDE = 1024
_QUALITY = 90


@dataclass(frozen=True)
class CameraPhoto:
    """A JPEG; sides in pixels after orientation."""

    path: Path
    width: int
    height: int

    @property
    def megapixels(self) -> float:
        """Millions of pixels."""
        return self.width * self.height / 1e6


def camera_photos(folder: Path, count: int) -> list[CameraPhoto]:
    """Return `count` different photographs; those that the folder already has are not made again."""
    return [_photo(folder, index) for index in range(count)]


def sized_photo(path: Path, megapixels: float) -> CameraPhoto:
    """Write one upright 4:3 photograph of about so many megapixels and 0.3 bytes for each of them."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = height * 4 // 3
    _render("china", (width, height), seed=1).save(path, "JPEG", quality=_QUALITY)
    return CameraPhoto(path, width, height)


def _photo(folder: Path, index: int) -> CameraPhoto:
    width, height = _SIZES[index % len(_SIZES)]
    orientation = _ORIENTATIONS[index % len(_ORIENTATIONS)]
    if index % 5 == 4:
        width, height = height, width
    path = folder / f"camera_{index:03}.jpg"
    if not path.exists():
        upright = _render(_SOURCES[index % len(_SOURCES)], (width, height), seed=index)
        partial = path.with_suffix(".partial")
        as_stored(upright, orientation).save(partial, "JPEG", quality=_QUALITY, exif=camera_exif(orientation))
        partial.rename(path)
    return CameraPhoto(path, width, height)


def _render(source: str, size: tuple[int, int], *, seed: int) -> Image.Image:
    small = real_photo(source).convert("RGB")
    large = np.asarray(small.resize(size, Image.Resampling.BICUBIC)).astype(np.int16)
    large += _tiled(_texture(small), size)
    noise = np.random.default_rng(seed).normal(0, _NOISE, (_NOISE_SIDE, _NOISE_SIDE, 1))
    large += _tiled(np.round(noise).astype(np.int16), size)
    return Image.fromarray(np.clip(large, 0, 255).astype(np.uint8))


def _texture(picture: Image.Image) -> np.ndarray:
    """Return what blurring takes away, mirrored so that its tiles join without an edge."""
    blurred = picture.filter(ImageFilter.GaussianBlur(2))
    detail = np.asarray(picture).astype(np.int16) - np.asarray(blurred).astype(np.int16)
    half = np.concatenate([detail, detail[:, ::-1]], axis=1)
    return np.concatenate([half, half[::-1]], axis=0) // 2


def _tiled(tile: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    width, height = size
    rows, columns = -(-height // tile.shape[0]), -(-width // tile.shape[1])
    return np.tile(tile, (rows, columns, 1))[:height, :width]
