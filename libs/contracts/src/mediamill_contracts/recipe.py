"""The recipe: everything a worker needs to turn one original into its variants, travelling in the event."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from mediamill_contracts.mark import MarkStyle, MarkText, VariantName
from mediamill_contracts.message import Part, Sha256
from mediamill_contracts.storage import S3Location

Store = Literal["local", "s3"]
StorageStrategy = Literal["local_only", "local_first", "s3_only", "both"]
Kind = Literal["image", "video"]
Lane = Literal["interactive", "bulk"]
VariantFormat = Literal["webp", "jpeg", "png"]
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"]
"""How much time x264 takes to make a video smaller."""
Fit = Literal["inside", "cover"]
MediaType = Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]+$", max_length=100)]
ObjectKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", max_length=512)]


STRATEGY_STORES: Mapping[StorageStrategy, tuple[Store, ...]] = {
    "local_only": ("local",),
    "local_first": ("local",),
    "s3_only": ("s3",),
    "both": ("local", "s3"),
}
"""Where a worker puts a medium's objects."""


class ObjectRef(Part):
    """An object in a store, with what its bytes were when it was written."""

    store: Store = "local"
    key: ObjectKey
    size_bytes: int = Field(ge=0)
    sha256: Sha256
    media_type: MediaType


class Watermark(MarkStyle):
    """A text or an image that is drawn on variants; the original stays as it is."""

    text: MarkText | None = None
    image: ObjectRef | None = None

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if (self.text is None) == (self.image is None):
            raise ValueError("a watermark is either a text or an image")
        return self


class VariantSpec(Part):
    """One picture to derive. Sizes are pixels; nothing is ever enlarged."""

    name: VariantName
    format: VariantFormat = "webp"
    width: int = Field(ge=1, le=16_383)
    height: int = Field(ge=1, le=16_383)
    fit: Fit = "inside"
    """`inside`: the whole picture within the box. `cover`: the box filled, the rest cropped."""
    quality: int = Field(default=80, ge=1, le=100)
    effort: int = Field(default=2, ge=0, le=6)
    """WebP only: 0 is fastest, 6 smallest."""
    animated: bool = True
    """Keep the animation where the format can; else the first frame."""


class Limits(Part):
    """What a worker refuses from the header, before it decodes."""

    max_pixels: int = Field(default=100_000_000, ge=1)
    """Pixels of one frame."""
    max_side: int = Field(default=20_000, ge=1)
    max_frames: int = Field(default=300, ge=1)
    max_total_pixels: int = Field(default=200_000_000, ge=1)
    """Pixels of all frames of an animation together."""


class Rendition(Part):
    """One H.264 + AAC MP4 to derive from a video; never enlarged."""

    name: VariantName
    max_short_side: int = Field(default=1080, ge=144, le=2_160)
    """Pixels of the shorter side, as in 720p, whichever way the video stands."""
    crf: int = Field(default=23, ge=0, le=51)
    """Constant rate factor of x264: lower is better and larger."""
    preset: Preset = "fast"
    audio_kbps: int = Field(default=128, ge=32, le=320)


class VideoLimits(Part):
    """What a worker refuses after it looked at the streams, before it transcodes."""

    max_seconds: float = Field(default=180, gt=0)
    max_pixels: int = Field(default=9_000_000, ge=1)
    """Pixels of one frame; 4096 by 2160 are 8.8 million."""
    max_frames_per_second: float = Field(default=240, gt=0)


class VideoRecipe(Part):
    """What is made of a video beside its poster, which takes the recipe's variants."""

    renditions: tuple[Rendition, ...] = Field(min_length=1, max_length=4)
    """The first is the one to play where only one can be chosen."""
    hls: bool = False
    """Also make HTTP Live Streaming playlists of the renditions."""
    revision: int = Field(default=0, ge=0)
    """Of the addresses by which playlists name their parts: another each time that these are made again."""
    limits: VideoLimits = VideoLimits()


class Recipe(Part):
    """Variants, limits and storage strategy of one job; never bytes, never secrets."""

    variants: tuple[VariantSpec, ...] = Field(min_length=1, max_length=16)
    """Of a picture, or of the poster of a video."""
    video: VideoRecipe | None = None
    """Given for videos."""
    watermark: Watermark | None = None
    limits: Limits = Limits()
    strategy: StorageStrategy = "local_only"
    s3: S3Location | None = None
    """Given when the source is in S3 or the strategy stores there."""

    @property
    def stores(self) -> tuple[Store, ...]:
        """Where the worker puts the medium's objects; `local_first` reaches S3 later, by a sync."""
        return STRATEGY_STORES[self.strategy]

    def marks(self, name: str) -> bool:
        """Return whether the variant of this name gets the watermark."""
        return self.watermark is not None and self.watermark.covers(name)


class ProducedVariant(Part):
    """A variant as it was stored; width and height in pixels after orientation."""

    name: VariantName
    object: ObjectRef
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    frames: int = Field(default=1, ge=1)
    duration_ms: int | None = Field(default=None, ge=0)
    """Of what plays."""
    watermarked: bool = False


class VideoFacts(Part):
    """What the streams of a video are, as far as people ask for it."""

    duration_ms: int = Field(ge=1)
    frames_per_second: float = Field(gt=0)
    video_codec: Annotated[str, StringConstraints(max_length=32)]
    audio_codec: Annotated[str, StringConstraints(max_length=32)] | None = None


class PictureFacts(Part):
    """What decoding told about the original, after orientation was applied."""

    width: int = Field(ge=1)
    height: int = Field(ge=1)
    frames: int = Field(default=1, ge=1)
    has_alpha: bool = False
    thumbhash: Annotated[str, StringConstraints(max_length=64)]
    """Base64 of a ThumbHash, at most 25 bytes (https://evanw.github.io/thumbhash/)."""
    dominant_color: Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]
