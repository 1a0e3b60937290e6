"""What operators decide about the platform while it runs, and what follows from it."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mediamill_catalog.settings.default_variants import DEFAULT_VARIANTS, FALLBACK, Variants
from mediamill_contracts.mark import MarkStyle, MarkText
from mediamill_contracts.media import EntityType
from mediamill_contracts.recipe import Preset, StorageStrategy
from mediamill_contracts.storage import BucketName, HttpUrl, Region, S3Location

DeleteMode = Literal["soft", "hard"]


class MarkSettings(MarkStyle):
    """A watermark as operators describe it: a text, or a medium of theirs whose original is the image."""

    text: MarkText | None = None
    image_id: UUID | None = None

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if (self.text is None) == (self.image_id is None):
            raise ValueError("a watermark is either a text or an image")
        return self


class EntitySettings(BaseModel):
    """What holds for media of one entity type; None leaves it to the general settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: StorageStrategy | None = None
    variants: Annotated[Variants, Field(min_length=1, max_length=16)] | None = None
    watermark: MarkSettings | None = None
    """Drawn while variants are made; media that exist already stay as they are."""

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        names = [variant.name for variant in self.variants or ()]
        if len(set(names)) != len(names):
            raise ValueError("two variants have the same name")
        return self


def _default_entity_types() -> dict[EntityType, EntitySettings]:
    return {name: EntitySettings(variants=variants) for name, variants in DEFAULT_VARIANTS.items()}


class PlatformSettings(BaseModel):
    """All settings as they hold at one moment. Immutable: a change makes a new object."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default_storage_strategy: StorageStrategy = "local_only"
    """Where new media go whose entity type has no strategy of its own."""
    delete_mode: DeleteMode = "soft"
    """`soft`: deleted media can be restored until their retention ends. `hard`: their bytes go at once."""
    soft_delete_retention_days: int = Field(default=30, ge=1, le=3_650)
    auto_cleanup_enabled: bool = True
    """Whether deleted media are removed for good by themselves once their retention has ended."""
    s3_enabled: bool = False
    """Whether anything new is put into S3. What is there already can be read and moved all the same."""
    s3_auto_sync: bool = True
    """Whether media stored `local_first` are copied to S3 soon after."""
    s3_delete_with_local: bool = True
    """Whether hard deletion removes the copies in S3 too."""
    s3_bucket: BucketName | None = None
    s3_region: Region = "us-east-1"
    s3_endpoint: HttpUrl | None = None
    """Base URL of a server other than Amazon's."""
    s3_public_url: HttpUrl | None = None
    """Base URL under which anybody may read the objects, as of a CDN."""
    entity_types: dict[EntityType, EntitySettings] = Field(default_factory=_default_entity_types)
    video_crf: int = 23
    """Quality of videos, and of those made again; the environment alone decides it, as `video_preset`."""
    video_preset: Preset = "fast"

    @property
    def s3_location(self) -> S3Location | None:
        """Where new objects may go in S3; None while S3 is disabled or not configured."""
        return self.known_s3_location if self.s3_enabled else None

    @property
    def known_s3_location(self) -> S3Location | None:
        """Where the objects that are in S3 already can be found, even while S3 is disabled for new ones."""
        if self.s3_bucket is None:
            return None
        return S3Location(
            bucket=self.s3_bucket,
            region=self.s3_region,
            endpoint=self.s3_endpoint,
            public_url=self.s3_public_url,
        )

    def strategy_of(self, entity_type: str) -> StorageStrategy:
        """Return where media of this type go: as decided, or `local_only` while there is no S3 to go to."""
        if self.s3_location is None:
            return "local_only"
        return self._chosen_strategy(entity_type)

    def variants_of(self, entity_type: str) -> Variants:
        """Return the variants to derive from media of this type."""
        for name in (entity_type, FALLBACK):
            chosen = self.entity_types.get(name)
            if chosen is not None and chosen.variants is not None:
                return chosen.variants
        return DEFAULT_VARIANTS[FALLBACK]

    def watermark_of(self, entity_type: str) -> MarkSettings | None:
        """Return the mark that media of this type get."""
        chosen = self.entity_types.get(entity_type)
        return None if chosen is None else chosen.watermark

    def contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield what does not go together: the path of the field to blame, and a sentence."""
        if self.s3_enabled and self.s3_bucket is None:
            yield ("s3_enabled",), "S3 cannot be enabled without a bucket"
        if self.s3_location is not None:
            return
        reason = "this strategy needs S3, which is disabled"
        if self.default_storage_strategy != "local_only":
            yield ("default_storage_strategy",), reason
        for name, chosen in self.entity_types.items():
            if chosen.strategy not in (None, "local_only"):
                yield ("entity_types", name, "strategy"), reason

    def _chosen_strategy(self, entity_type: str) -> StorageStrategy:
        chosen = self.entity_types.get(entity_type)
        if chosen is None or chosen.strategy is None:
            return self.default_storage_strategy
        return chosen.strategy


def with_variants(variants: Mapping[str, Variants]) -> dict[EntityType, EntitySettings]:
    """Return the default entity types with these lists of variants in place of theirs, or added."""
    return _default_entity_types() | {
        name: EntitySettings(variants=chosen) for name, chosen in variants.items()
    }
