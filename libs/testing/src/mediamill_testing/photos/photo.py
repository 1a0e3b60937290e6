"""What a test must know about a picture: how it is declared, and what has to come out of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

Rgb = tuple[int, int, int]
Quadrants = tuple[Rgb, Rgb, Rgb, Rgb]

_SMALLEST_WITH_QUARTERS = 8
"""Pixels along the shorter side."""


@dataclass(frozen=True)
class Photo:
    """A good picture. Sizes are pixels after orientation; colours are sRGB, 0 to 255."""

    name: str
    path: Path
    media_type: str
    width: int
    height: int
    quadrants: Quadrants
    """Mean colour of the upright picture's top left, top right, bottom left and bottom right quarter.

    Alpha is flattened on white; of an animation, the first frame counts.
    """
    frames: int = 1
    has_alpha: bool = False
    tolerance: int = 6
    """By how much a channel's mean may differ: lossy formats and colour conversions are not exact."""

    @property
    def file_name(self) -> str:
        """Name to upload it under."""
        return self.path.name

    @property
    def mean_color(self) -> Rgb:
        """Mean colour of the whole upright picture."""
        return _mean_of(self.quadrants)

    def looks_like(self, picture: Image.Image) -> bool:
        """Return whether a derived picture shows this one: upright, whole and in the right colours.

        A picture of a few pixels' width or height has no quarters left to tell apart; its mean colour counts.
        """
        found = quadrants(picture)
        if min(picture.size) < _SMALLEST_WITH_QUARTERS:
            return self._is_close(self.mean_color, _mean_of(found))
        return all(map(self._is_close, self.quadrants, found))

    def _is_close(self, expected: Rgb, actual: Rgb) -> bool:
        return all(abs(a - b) <= self.tolerance for a, b in zip(expected, actual, strict=True))


@dataclass(frozen=True)
class HostileFile:
    """A file that must be refused, with the stable code of the refusal."""

    name: str
    path: Path
    file_name: str
    declared_type: str
    code: str
    refused_by: Literal["upload", "processing"]
    """`upload`: refused from size, declaration and first bytes. `processing`: only a decoder can tell."""


def quadrants(picture: Image.Image) -> Quadrants:
    """Return the mean colour of each quarter of a picture, flattened on white."""
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    four = picture.convert("RGB").resize((2, 2), Image.Resampling.BOX).tobytes()
    return _rgb(four[:3]), _rgb(four[3:6]), _rgb(four[6:9]), _rgb(four[9:])


def _mean_of(quarters: Quadrants) -> Rgb:
    red, green, blue = (round(sum(channel) / 4) for channel in zip(*quarters, strict=True))
    return red, green, blue


def _rgb(pixel: bytes) -> Rgb:
    red, green, blue = pixel
    return red, green, blue
