"""What the environment says while no operator decided otherwise: the same for all of the control plane."""

import json
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from mediamill_catalog.settings.default_variants import Variants
from mediamill_catalog.settings.model import PlatformSettings, with_variants
from mediamill_contracts.media import EntityType
from mediamill_contracts.recipe import Preset, StorageStrategy
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
