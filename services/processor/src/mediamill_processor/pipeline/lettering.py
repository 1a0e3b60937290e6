"""Writes the text of a watermark: white letters with a dark shadow, to be read on light and on dark."""

import html

import pyvips

from mediamill_processor.fonts import FAMILY

_TRIAL_POINTS = 64
_MOST_POINTS = 2_000
_POINTS_A_PIXEL = 72
"""Dots an inch at which a point is a pixel."""
_SHADOW_SHARE = 16
"""The shadow falls by this part of the letters' height."""
_WHITE, _BLACK = 255, 0


def shape_of_text(text: str) -> tuple[int, int]:
    """Return width and height of the text in some size; raises pyvips.Error for one that shows nothing."""
    trial = _mask(text, _TRIAL_POINTS)
    return int(trial.width), int(trial.height)


def write_text(text: str, width: int, height: int) -> pyvips.Image:
    """Return the text as RGBA of `width` x `height` pixels."""
    trial = _mask(text, _TRIAL_POINTS)
    points = max(1, min(_MOST_POINTS, round(_TRIAL_POINTS * width / trial.width)))
    drop = max(1, round(height / _SHADOW_SHARE)) if min(width, height) > _SHADOW_SHARE else 0
    letters = _ink(
        _mask(text, points).thumbnail_image(
            max(1, width - drop), height=max(1, height - drop), size="force", no_rotate=True
        ),
        _WHITE,
    )
    canvas = letters.embed(0, 0, width, height, extend="background", background=[_WHITE] * 3 + [0])
    if not drop:
        return canvas
    shadow = _ink(letters.extract_band(3), _BLACK).embed(drop, drop, width, height)
    return shadow.composite2(canvas, "over")


def _mask(text: str, points: int) -> pyvips.Image:
    """Return one band, 255 where the letters are; the text is escaped, since Pango reads markup in it."""
    escaped = html.escape(text, quote=False)
    return pyvips.Image.text(escaped, font=f"{FAMILY} {points}", dpi=_POINTS_A_PIXEL)


def _ink(mask: pyvips.Image, shade: int) -> pyvips.Image:
    colour = mask.new_from_image([shade] * 3).copy(interpretation="srgb")
    return colour.bandjoin(mask)
