"""What a transcode makes."""

from dataclasses import dataclass
from pathlib import Path

from mediamill_contracts.recipe import VideoFacts


@dataclass(frozen=True)
class VideoFile:
    """One file made from a video; width and height in pixels as shown. It is published under its name."""

    name: str
    path: Path
    media_type: str
    width: int
    height: int
    duration_ms: int


@dataclass(frozen=True)
class Transcoding:
    """What became of a video; `poster` is a PNG as large as the first rendition."""

    facts: VideoFacts
    files: tuple[VideoFile, ...]
    poster: Path
