"""Variants of media that exist already, made again with a mark or without it."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from mediamill_contracts.mark import VariantName
from mediamill_contracts.media import JobResult, ReasonCode
from mediamill_contracts.message import LongText, Message
from mediamill_contracts.recipe import ObjectKey, ObjectRef, ProducedVariant, Recipe, Store


class RequestWatermark(JobResult):
    """Make variants of one medium again from its original, under new keys: the old ones are in use."""

    wire_name: ClassVar[str] = "watermark.requested"

    parent_job_id: UUID
    source: ObjectRef
    variant_prefix: ObjectKey
    """Of this job alone. Variants are stored under `{variant_prefix}_{variant}.{ext}`."""
    recipe: Recipe
    """Only the variants to make; without a watermark it is taken off. The strategy names the stores that the
    medium is in: each of them gets every variant."""

    @property
    def routing_key(self) -> str:
        """Videos, which take minutes, have a queue of their own."""
        return self.wire_name if self.recipe.video is None else f"{self.wire_name}.video"


class WatermarkApplied(JobResult):
    """The variants are made and stored, or the file could not be read: then `code` says why."""

    wire_name: ClassVar[str] = "watermark.applied"

    parent_job_id: UUID
    source: ObjectRef
    variants: tuple[ProducedVariant, ...]
    stored_in: tuple[Store, ...] = Field(default=("local",), min_length=1)
    code: ReasonCode | None = None
    detail: LongText | None = None


class WatermarkCancelled(Message):
    """Workers stop the orders of this job, and drop them when they come."""

    wire_name: ClassVar[str] = "watermark.cancelled"

    parent_job_id: UUID


class MediaRemade(JobResult):
    """Variants were exchanged: whoever asks for the medium from now on is told of the new ones."""

    wire_name: ClassVar[str] = "media.remade"

    variants: tuple[VariantName, ...]
    watermarked: bool
    """Whether a mark was put on those that were chosen; else it was taken off."""
