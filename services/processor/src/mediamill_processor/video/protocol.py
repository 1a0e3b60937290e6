"""What the parent asks about a video, and what the child that opens it answers."""

from pathlib import Path

from pydantic import Field

from mediamill_contracts.message import Part, ShortText
from mediamill_processor.sandbox.protocol import Boundaries


class ProbeOrder(Part):
    """Which file to look at, with which demuxer, within which bounds."""

    boundaries: Boundaries
    source: Path
    demuxer: str


class Streams(Part):
    """The streams that matter. Sizes in pixels as stored, before rotation; durations in seconds."""

    width: int = Field(ge=1)
    height: int = Field(ge=1)
    frames_per_second: float = Field(gt=0)
    duration: float | None
    """None when the file does not say."""
    video_codec: ShortText
    audio_codec: ShortText | None
