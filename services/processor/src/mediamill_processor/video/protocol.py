"""What the parent asks about a video, and what the child that opens it answers."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from mediamill_contracts.message import Part, ShortText
from mediamill_processor.sandbox.protocol import Boundaries


class ProbeOrder(Part):
    """Which file to look at, with which demuxer, within which bounds."""

    boundaries: Boundaries
    source: Path
    demuxer: str


Transfer = Literal["sdr", "pq", "hlg"]
"""How samples stand for light: `pq` (SMPTE ST 2084) and `hlg` (ARIB STD-B67) reach far beyond white."""
Matrix = Literal["bt601", "bt709", "bt2020"]
"""How luma and chroma come from red, green and blue, as FFmpeg's `scale` filter names it."""


class Streams(Part):
    """The streams that matter. Sizes in pixels as stored, before rotation; durations in seconds."""

    width: int = Field(ge=1)
    height: int = Field(ge=1)
    pixel_aspect: float = Field(default=1, gt=0)
    """Width of a stored pixel, in heights."""
    rotation: int = 0
    """Degrees by which the pictures are turned when they are shown."""
    transfer: Transfer = "sdr"
    matrix: Matrix | None = None
    """None when the file does not say."""
    frames_per_second: float = Field(gt=0)
    duration: float | None
    """None when the file does not say."""
    video_codec: ShortText
    audio_codec: ShortText | None
