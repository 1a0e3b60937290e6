"""What the environment says while no operator decided otherwise: the same for all of the control plane."""

import json
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from mediamill_catalog.settings.default_variants import Variants
from mediamill_catalog.settings.model import PlatformSettings, with_variants
from mediamill_contracts.media import EntityType
from mediamill_contracts.recipe import (
    Limits,
    Preset,
    Rendition,
    StorageStrategy,
    VideoLimits,
    VideoRecipe,
)
from mediamill_runtime.s3_settings import S3Settings


class PlatformEnvironment(S3Settings):
    """For services that act on the platform's settings; all of them are given the same values."""

    storage_strategy: StorageStrategy = Field(default="local_only", validation_alias="STORAGE_STRATEGY")
    """Where media go. What needs S3 is `local_only` while no bucket or no keys are given."""
    variants: Annotated[dict[EntityType, Variants], NoDecode] = Field(
        default_factory=dict, validation_alias="MEDIA_VARIANTS"
    )
    """JSON: for each entity type the list of its variants; replaces or adds to the defaults."""

    video_crf: int = Field(default=23, ge=0, le=51, validation_alias="INGEST_VIDEO_CRF")
    """Quality of x264; lower is better and larger. Also of videos that are made again for a watermark."""
    video_preset: Preset = Field(default="fast", validation_alias="INGEST_VIDEO_PRESET")

    @field_validator("variants", mode="before")
    @classmethod
    def _parse(cls, value: object) -> object:
        if isinstance(value, str):
            try:
                return json.loads(value)
            except json.JSONDecodeError as error:
                raise ValueError(f"not JSON: {error}") from None
        return value

    @property
    def platform_defaults(self) -> PlatformSettings:
        """What holds until an operator decides otherwise; S3 is enabled where the environment is complete."""
        location = self.s3_location
        defaults = PlatformSettings(
            default_storage_strategy=self.storage_strategy,
            entity_types=with_variants(self.variants),
            video_crf=self.video_crf,
            video_preset=self.video_preset,
        )
        if location is None:
            return defaults
        s3 = {
            "s3_enabled": self.aws_access_key_id is not None,
            "s3_bucket": location.bucket,
            "s3_region": location.region,
            "s3_endpoint": location.endpoint,
            "s3_public_url": location.public_url,
        }
        return defaults.model_copy(update=s3)


class RecipeEnvironment(PlatformEnvironment):
    """For services that tell workers what to make of uploads; all of them are given the same values."""

    max_pixels: int = Field(default=100_000_000, ge=1, validation_alias="INGEST_MAX_PIXELS")
    """Pixels of one frame; 100 MP take 300 MB of memory when they are decoded at full size."""
    max_side: int = Field(default=20_000, ge=1, validation_alias="INGEST_MAX_SIDE")
    """Pixels along the longer side."""
    max_frames: int = Field(default=300, ge=1, validation_alias="INGEST_MAX_FRAMES")
    """Frames of an animation."""
    max_total_pixels: int = Field(default=200_000_000, ge=1, validation_alias="INGEST_MAX_TOTAL_PIXELS")
    """Pixels of all frames together: what an animation costs to decode."""
    max_video_seconds: float = Field(
        default=180, gt=0, le=14_400, validation_alias="INGEST_MAX_VIDEO_SECONDS"
    )
    """Longer videos are refused; the processor's time limits have to fit."""
    max_video_pixels: int = Field(default=9_000_000, ge=1, validation_alias="INGEST_MAX_VIDEO_PIXELS")
    """Pixels of one frame of a video; 4096 by 2160 are 8.8 million."""
    video_short_sides: Annotated[tuple[int, ...], NoDecode] = Field(
        default=(1080,), validation_alias="INGEST_VIDEO_SHORT_SIDES"
    )
    """Comma-separated: pixels of each rendition's shorter side, as in `1080,480`; the first is `video`."""
    video_hls: bool = Field(default=False, validation_alias="INGEST_VIDEO_HLS")
    """Also make HTTP Live Streaming playlists."""

    @field_validator("video_short_sides", mode="before")
    @classmethod
    def _split_sides(cls, value: object) -> object:
        return tuple(value.split(",")) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _refuse_impossible_renditions(self) -> Self:
        try:
            self.video_recipe  # noqa: B018 - writing it is the check
        except ValueError:
            raise ValueError("INGEST_VIDEO_SHORT_SIDES: one to four sizes of 144 to 2160 pixels") from None
        return self

    @property
    def video_recipe(self) -> VideoRecipe:
        """What is made of videos."""
        first, *others = self.video_short_sides
        sides = {"video": first, **{f"p{side}": side for side in others}}
        return VideoRecipe(
            renditions=tuple(
                Rendition(name=name, max_short_side=side, crf=self.video_crf, preset=self.video_preset)
                for name, side in sides.items()
            ),
            hls=self.video_hls,
            limits=VideoLimits(max_seconds=self.max_video_seconds, max_pixels=self.max_video_pixels),
        )

    @property
    def picture_limits(self) -> Limits:
        """What is refused from the header, before anything is decoded."""
        return Limits(
            max_pixels=self.max_pixels,
            max_side=self.max_side,
            max_frames=self.max_frames,
            max_total_pixels=self.max_total_pixels,
        )
