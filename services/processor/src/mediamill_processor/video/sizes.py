"""Works out how large a video is shown, and how large each rendition of it becomes, in pixels."""

import math

from mediamill_contracts.recipe import Rendition
from mediamill_processor.pipeline.placement import Box
from mediamill_processor.video.protocol import Streams

_HALF_TURN, _QUARTER_TURN = 180, 90


def shown_size(found: Streams) -> Box:
    """Return the size with square pixels, upright."""
    width, height = max(1, round(found.width * found.pixel_aspect)), found.height
    if found.rotation % _HALF_TURN == _QUARTER_TURN:
        width, height = height, width
    return Box(width, height)


def rendition_size(shown: Box, rendition: Rendition) -> Box:
    """Bound the shorter side, and let the longer one follow: even, as 4:2:0 needs it, and never enlarged."""
    short = max(2, min(shown.width, shown.height, rendition.max_short_side) // 2 * 2)
    if shown.width > shown.height:
        return Box(_nearest_even(short * shown.width / shown.height), short)
    return Box(short, _nearest_even(short * shown.height / shown.width))


def _nearest_even(side: float) -> int:
    """Of two that are equally near, return the smaller."""
    return max(2, math.ceil(side / 2 - 0.5) * 2)
