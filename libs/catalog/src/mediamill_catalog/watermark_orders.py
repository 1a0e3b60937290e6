"""What a worker is told to make a medium's variants again."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.stored_media import StoredMedium
from mediamill_catalog.tables import StorageStatus
from mediamill_contracts.recipe import (
    Limits,
    Recipe,
    Rendition,
    StorageStrategy,
    VariantSpec,
    VideoLimits,
    VideoRecipe,
    Watermark,
)
from mediamill_contracts.watermark import RequestWatermark

_STRATEGIES: dict[StorageStatus, StorageStrategy] = {
    StorageStatus.LOCAL: "local_only",
    StorageStatus.S3: "s3_only",
    StorageStatus.BOTH: "both",
}
"""The strategy that stores where the medium is now."""
_PLAYLIST, _PART_OF_PLAYLIST = "hls", "hls_"
_SMALLEST_SIDE = 144
_WHATEVER_WAS_ACCEPTED = VideoLimits(max_seconds=14_400, max_pixels=100_000_000, max_frames_per_second=1_000)
"""The limits of its time have judged the original already."""


def order_of(
    item_id: UUID,
    parent_id: UUID,
    row: Row[Any],
    variants: Sequence[Row[Any]],
    *,
    watermark: Watermark | None,
    settings: PlatformSettings,
) -> RequestWatermark:
    """Return the order to make these variants again, under keys that no other order uses.

    Of a video they are all there is: one run makes them, and playlists name each other's parts.
    """
    strategy = _STRATEGIES[StorageStatus(row.storage_status)]
    source = StoredMedium(row, []).objects("s3" if strategy == "s3_only" else "local")[0]
    is_video = row.kind == "video"
    described = {} if is_video else {spec.name: spec for spec in settings.variants_of(row.entity_type)}
    pictures = [variant for variant in variants if variant.media_type.startswith("image/")]
    return RequestWatermark(
        media_id=row.id,
        job_id=item_id,
        user_id=row.user_id,
        parent_job_id=parent_id,
        source=source,
        variant_prefix=f"{source.key.rpartition('.')[0]}_{item_id.hex[-12:]}",
        recipe=Recipe(
            variants=tuple(described.get(variant.name) or _as_it_is(variant) for variant in pictures),
            video=_video_as_it_is(variants, settings) if is_video else None,
            watermark=_mark(watermark, is_video=is_video),
            limits=Limits() if is_video else _limits_of(row),
            strategy=strategy,
            s3=settings.known_s3_location,
        ),
    )


def _mark(watermark: Watermark | None, *, is_video: bool) -> Watermark | None:
    """Let the mark say which of a video's variants get it; of a picture only those are made that do."""
    return watermark if watermark is None or is_video else watermark.model_copy(update={"variants": ()})


def _video_as_it_is(variants: Sequence[Row[Any]], settings: PlatformSettings) -> VideoRecipe:
    """Describe what is stored of a video: all its renditions, and the playlists if it has any.

    Their quality is that of the settings, as it is where pictures are made again.
    """
    films = [
        variant
        for variant in variants
        if variant.media_type == "video/mp4" and not variant.name.startswith(_PART_OF_PLAYLIST)
    ]
    films.sort(key=lambda film: (film.width * film.height, film.name), reverse=True)
    return VideoRecipe(
        renditions=tuple(
            Rendition(
                name=film.name,
                max_short_side=max(_SMALLEST_SIDE, min(film.width, film.height)),
                crf=settings.video_crf,
                preset=settings.video_preset,
            )
            for film in films
        ),
        hls=any(variant.name == _PLAYLIST for variant in variants),
        revision=1 + max(variant.revision for variant in variants),
        limits=_WHATEVER_WAS_ACCEPTED,
    )


def _as_it_is(variant: Row[Any]) -> VariantSpec:
    """Describe a variant that the settings know no more by what is stored of it."""
    return VariantSpec(
        name=variant.name,
        format=variant.media_type.removeprefix("image/"),
        width=variant.width,
        height=variant.height,
        fit="cover",
        animated=variant.frames > 1,
    )


def _limits_of(row: Row[Any]) -> Limits:
    """Allow what the original is: it was accepted by the limits of its time."""
    frames, pixels = row.frames or 1, (row.width or 1) * (row.height or 1)
    return Limits(
        max_pixels=pixels,
        max_side=max(row.width or 1, row.height or 1),
        max_frames=frames,
        max_total_pixels=pixels * frames,
    )
