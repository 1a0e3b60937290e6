"""The recipe: everything a worker needs to turn one original into its variants, travelling in the event."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mediamill_contracts.message import Part, Sha256
from mediamill_contracts.storage import S3Location

Store = Literal["local", "s3"]
StorageStrategy = Literal["local_only", "local_first", "s3_only", "both"]
Kind = Literal["image", "video"]
Lane = Literal["interactive", "bulk"]
VariantFormat = Literal["webp", "jpeg", "png"]
Fit = Literal["inside", "cover"]
MediaType = Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]+$", max_length=100)]
ObjectKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", max_length=512)]
VariantName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


_STORES: dict[StorageStrategy, tuple[Store, ...]] = {
    "local_only": ("local",),
    "local_first": ("local",),
    "s3_only": ("s3",),
    "both": ("local", "s3"),
}


class ObjectRef(Part):
    """An object in a store, with what its bytes were when it was written."""

    store: Store = "local"
    key: ObjectKey
    size_bytes: int = Field(ge=0)
    sha256: Sha256
    media_type: MediaType


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


class Recipe(Part):
    """Variants, limits and storage strategy of one job; never bytes, never secrets."""

    variants: tuple[VariantSpec, ...] = Field(min_length=1, max_length=16)
    limits: Limits = Limits()
    strategy: StorageStrategy = "local_only"
    s3: S3Location | None = None
    """Given when the source is in S3 or the strategy stores there."""

    @property
    def stores(self) -> tuple[Store, ...]:
        """Where the worker puts the medium's objects; `local_first` reaches S3 later, by a sync."""
        return _STORES[self.strategy]


class ProducedVariant(Part):
    """A variant as it was stored; width and height in pixels after orientation."""

    name: VariantName
    object: ObjectRef
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    frames: int = Field(default=1, ge=1)


class PictureFacts(Part):
    """What decoding told about the original, after orientation was applied."""

    width: int = Field(ge=1)
    height: int = Field(ge=1)
    frames: int = Field(default=1, ge=1)
    has_alpha: bool = False
    thumbhash: Annotated[str, StringConstraints(max_length=64)]
    """Base64 of a ThumbHash, at most 25 bytes (https://evanw.github.io/thumbhash/)."""
    dominant_color: Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]
