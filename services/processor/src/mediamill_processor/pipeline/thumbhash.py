"""ThumbHash: a picture in at most 25 bytes, to show in its place while it loads.

Written from the public description of the format (https://evanw.github.io/thumbhash/): the packages that
exist are unmaintained, or walk every pixel for every coefficient. The cosine transform is separable, so rows
come first and columns work on what is left of them.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

_LUMINANCE_TERMS = 7
_LUMINANCE_TERMS_WITH_ALPHA = 5
_COLOUR_TERMS = 3
_ALPHA_TERMS = 5


@dataclass(frozen=True)
class _Channel:
    """Mean, largest coefficient, and the coefficients scaled by it to 0..1."""

    mean: float
    scale: float
    terms: list[float]


def thumbhash(width: int, height: int, rgba: bytes) -> bytes:
    """Return the ThumbHash of `rgba`, 4 bytes a pixel, rows from the top; sides of 1 to 100 pixels."""
    luminance, yellow_blue, red_green, alpha = _split(rgba)
    has_alpha = sum(alpha) < width * height
    limit = _LUMINANCE_TERMS_WITH_ALPHA if has_alpha else _LUMINANCE_TERMS
    terms_x = max(1, _round(limit * width / max(width, height)))
    terms_y = max(1, _round(limit * height / max(width, height)))
    light = _transform(luminance, width, height, max(3, terms_x), max(3, terms_y))
    yellow = _transform(yellow_blue, width, height, _COLOUR_TERMS, _COLOUR_TERMS)
    red = _transform(red_green, width, height, _COLOUR_TERMS, _COLOUR_TERMS)
    landscape = width > height
    head = (
        _round(63 * light.mean)
        | _round(31.5 + 31.5 * yellow.mean) << 6
        | _round(31.5 + 31.5 * red.mean) << 12
        | _round(31 * light.scale) << 18
        | has_alpha << 23
        | (terms_y if landscape else terms_x) << 24
        | _round(63 * yellow.scale) << 27
        | _round(63 * red.scale) << 33
        | landscape << 39
    )
    packed = head.to_bytes(5, "little")
    terms = light.terms + yellow.terms + red.terms
    if has_alpha:
        opacity = _transform(alpha, width, height, _ALPHA_TERMS, _ALPHA_TERMS)
        packed += bytes([_round(15 * opacity.mean) | _round(15 * opacity.scale) << 4])
        terms += opacity.terms
    return packed + _pack_nibbles([_round(15 * term) for term in terms])


def _split(rgba: bytes) -> tuple[list[float], list[float], list[float], list[float]]:
    """Return luminance, yellow-blue, red-green and alpha; transparent pixels take the mean colour."""
    alpha = [value / 255 for value in rgba[3::4]]
    opacity = sum(alpha)
    channels = []
    for band in range(3):
        seen = [value * share / 255 for value, share in zip(rgba[band::4], alpha, strict=True)]
        mean = sum(seen) / opacity if opacity else 0.0
        channels.append([value + mean * (1 - share) for value, share in zip(seen, alpha, strict=True)])
    red, green, blue = channels
    luminance = [(r + g + b) / 3 for r, g, b in zip(red, green, blue, strict=True)]
    yellow_blue = [(r + g) / 2 - b for r, g, b in zip(red, green, blue, strict=True)]
    red_green = [r - g for r, g in zip(red, green, strict=True)]
    return luminance, yellow_blue, red_green, alpha


def _transform(channel: list[float], width: int, height: int, terms_x: int, terms_y: int) -> _Channel:
    """Return the low half of the channel's cosine transform: the triangle of the lowest frequencies."""
    waves_x, waves_y = _waves(width, terms_x), _waves(height, terms_y)
    rows = [channel[start : start + width] for start in range(0, width * height, width)]
    columns = [[sum(map(mul, row, wave)) for row in rows] for wave in waves_x]
    terms = [
        sum(map(mul, columns[x], waves_y[y])) / (width * height)
        for y in range(terms_y)
        for x in range(terms_x)
        if x * terms_y < terms_x * (terms_y - y)
    ]
    mean, rest = terms[0], terms[1:]
    scale = max(map(abs, rest), default=0.0)
    if scale:
        rest = [0.5 + 0.5 / scale * term for term in rest]
    return _Channel(mean, scale, rest)


@lru_cache(maxsize=256)
def _waves(length: int, count: int) -> list[list[float]]:
    return [[math.cos(math.pi / length * n * (at + 0.5)) for at in range(length)] for n in range(count)]


def _pack_nibbles(nibbles: list[int]) -> bytes:
    if len(nibbles) % 2:
        nibbles = [*nibbles, 0]
    return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def _round(value: float) -> int:
    """Round half up, as the format's reference does; Python rounds half to even."""
    return math.floor(value + 0.5)
