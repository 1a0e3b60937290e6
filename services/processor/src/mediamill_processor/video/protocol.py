"""What the child that opens a video answers.

Nothing but the standard library: a child lives for one look, at a video or at one of its renditions.
"""

import math
from dataclasses import dataclass
from typing import Literal

Transfer = Literal["sdr", "pq", "hlg"]
"""How samples stand for light: `pq` (SMPTE ST 2084) and `hlg` (ARIB STD-B67) reach far beyond white."""
Matrix = Literal["bt601", "bt709", "bt2020"]
"""How luma and chroma come from red, green and blue, as FFmpeg's `scale` filter names it."""

_LONGEST_NAME = 255


@dataclass(frozen=True, kw_only=True)
class Streams:
    """The streams that matter. Sizes in pixels as stored, before rotation; durations in seconds.

    Raises ValueError for what no video has: a child that was taken over may answer anything.
    """

    width: int
    height: int
    pixel_aspect: float = 1
    """Width of a stored pixel, in heights."""
    rotation: int = 0
    """Degrees by which the pictures are turned when they are shown."""
    transfer: Transfer = "sdr"
    matrix: Matrix | None = None
    """None when the file does not say."""
    frames_per_second: float
    duration: float | None
    """None when the file does not say."""
    video_codec: str
    audio_codec: str | None

    def __post_init__(self) -> None:
        numbers = (self.width, self.height, self.pixel_aspect, self.frames_per_second)
        if not all(0 < number < math.inf for number in numbers):
            raise ValueError("a video has a size and a rate")
        if self.duration is not None and not math.isfinite(self.duration):
            raise ValueError("a video ends")
        for name in (self.video_codec, self.audio_codec or ""):
            if len(name) > _LONGEST_NAME or not name.isprintable():
                raise ValueError("a codec has a short name")
