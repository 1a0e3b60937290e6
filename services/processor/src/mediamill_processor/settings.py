"""Settings of the processor, from `PROCESSOR_*`."""

import os
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from mediamill_runtime.s3_settings import S3Settings
from mediamill_runtime.settings import StorageSettings

Lane = Literal["images", "images-bulk", "videos", "videos-bulk", "watermarks", "video-watermarks"]
_LANES: frozenset[Lane] = frozenset(get_args(Lane))


_ANSWER_SECONDS = 1_740
"""RabbitMQ waits 30 minutes for an answer; a minute is for fetching the video and storing what was made."""


def _cores() -> int:
    return len(os.sched_getaffinity(0))


class ProcessorSettings(StorageSettings, S3Settings):
    """How many pictures at once, and what one picture may cost; standalone reads these too."""

    model_config = SettingsConfigDict(env_prefix="PROCESSOR_")

    children: int = Field(default_factory=_cores, ge=1, le=256)
    """Processes that decode. Decoding never waits for anything, so more than one a core does not help. With
    the first bulk job one more is started, for interactive jobs that find all others taken."""
    jobs_per_child: int = Field(default=500, ge=1)
    """Pictures after which a child is replaced, so that leaks and fragments of a decoder do not add up."""
    child_memory_mb: int = Field(default=2_048, ge=128)
    """Megabytes of data one child may hold. The worst accepted pictures measured: an animation of 200
    megapixels takes 1.4 GB, an interlaced 16-bit PNG of 100 megapixels with alpha 0.9 GB."""
    pixels_at_once_mp: int = Field(default=250, ge=1)
    """Megapixels that all children together may be decoding, about 4 MB each in the worst case. A larger
    picture is decoded alone."""
    cpu_seconds: int = Field(default=120, ge=1)
    """Processor time of one picture. The slowest good one measured, an animation of 200 megapixels,
    takes 18 s."""
    wall_seconds: float = Field(default=180, gt=0)
    """Time of one step of one picture, after which its child is killed. Longer than `cpu_seconds`, since
    children wait for cores; the broker's own limit is 30 minutes."""
    max_variant_mb: int = Field(default=256, ge=1)
    """Megabytes of the largest file a child may write."""
    lanes: Annotated[frozenset[Lane], NoDecode] = _LANES
    """Comma-separated queues that this process consumes, so that each kind of work scales alone."""
    videos_at_once: int = Field(default=1, ge=1, le=64)
    """Transcodes beside each other; one uses all cores that it may."""
    video_threads: int = Field(default_factory=_cores, ge=1, le=64)
    video_memory_mb: int = Field(default=1_500, ge=256)
    """Megabytes of data that ffmpeg may hold; 1080p takes about 500."""
    video_cpu_seconds: int = Field(default=5_400, ge=10)
    """Processor time of one transcode on all cores together."""
    video_wall_seconds: float = Field(default=1_500, gt=0, le=1_700)
    """Time of one transcode with all that follows it. Below the 30 minutes after which a broker takes a
    message for lost, unless it knows the longer time that the queue asks for."""
    video_patience_seconds: float = Field(default=120, ge=1)
    """How long a video that was taken from its queue waits for a transcode of another lane, before it goes
    back. With `video_wall_seconds` it has to stay below those 30 minutes too."""
    max_video_mb: int = Field(default=1_000, ge=1)
    """Megabytes of the largest file that ffmpeg may write."""
    video_niceness: int = Field(default=10, ge=0, le=19)
    """Transcoding yields the cores to pictures."""
    niceness: int = Field(default=5, ge=0, le=19)
    """Children yield the cores to whoever answers a user."""

    @model_validator(mode="after")
    def _refuse_what_outlasts_the_broker(self) -> Self:
        if self.video_wall_seconds + self.video_patience_seconds > _ANSWER_SECONDS:
            raise ValueError(
                "PROCESSOR_VIDEO_WALL_SECONDS and PROCESSOR_VIDEO_PATIENCE_SECONDS: together at most "
                f"{_ANSWER_SECONDS} seconds, or a broker gives the video to another while it is worked on"
            )
        return self

    @field_validator("lanes", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return frozenset(part.strip() for part in value.split(",") if part.strip())
        return value
