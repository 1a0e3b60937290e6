"""What a worker is told to make a medium's variants again."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.stored_media import StoredMedium
from mediamill_catalog.tables import StorageStatus
from mediamill_contracts.recipe import Limits, Recipe, StorageStrategy, VariantSpec, Watermark
from mediamill_contracts.watermark import RequestWatermark

_STRATEGIES: dict[StorageStatus, StorageStrategy] = {
    StorageStatus.LOCAL: "local_only",
    StorageStatus.S3: "s3_only",
    StorageStatus.BOTH: "both",
}
"""The strategy that stores where the medium is now."""


def order_of(
    item_id: UUID,
    parent_id: UUID,
    row: Row[Any],
    variants: Sequence[Row[Any]],
    *,
    watermark: Watermark | None,
    settings: PlatformSettings,
) -> RequestWatermark:
    """Return the order to make these variants again, under keys that no other order uses."""
    strategy = _STRATEGIES[StorageStatus(row.storage_status)]
    source = StoredMedium(row, []).objects("s3" if strategy == "s3_only" else "local")[0]
    described = {spec.name: spec for spec in settings.variants_of(row.entity_type)}
    return RequestWatermark(
        media_id=row.id,
        job_id=item_id,
        user_id=row.user_id,
        parent_job_id=parent_id,
        source=source,
        variant_prefix=f"{source.key.rpartition('.')[0]}_{item_id.hex[-12:]}",
        recipe=Recipe(
            variants=tuple(described.get(variant.name) or _as_it_is(variant) for variant in variants),
            watermark=None if watermark is None else watermark.model_copy(update={"variants": ()}),
            limits=_limits_of(row),
            strategy=strategy,
            s3=settings.known_s3_location,
        ),
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
