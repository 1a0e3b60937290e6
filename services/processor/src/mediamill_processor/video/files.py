"""What a transcode makes."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from mediamill_contracts.recipe import VideoFacts
from mediamill_processor.pipeline.placement import Box

Layers = Callable[[Mapping[str, Box]], AbstractAsyncContextManager[Mapping[str, Path]]]
"""Draws what is laid over renditions: from the sizes of all, by name, to PNG files of those that get some.
The files may be moved away."""


@dataclass(frozen=True)
class VideoFile:
    """One file made from a video; width and height in pixels as shown. It is published under its name."""

    name: str
    path: Path
    media_type: str
    width: int
    height: int
    duration_ms: int
    watermarked: bool = False


@dataclass(frozen=True)
class Transcoding:
    """What became of a video; `poster` is a PNG as large as the first rendition."""

    facts: VideoFacts
    files: tuple[VideoFile, ...]
    poster: Path
