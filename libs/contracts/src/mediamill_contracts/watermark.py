"""Marks stamped on variants of media that exist already."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from mediamill_contracts.media import JobResult
from mediamill_contracts.message import Part, ShortText
from mediamill_contracts.recipe import ObjectKey, ObjectRef, ProducedVariant

Position = Literal[
    "top_left",
    "top",
    "top_right",
    "left",
    "center",
    "right",
    "bottom_left",
    "bottom",
    "bottom_right",
    "tiled",
]


class Watermark(Part):
    """A text or an image mark; exactly one of the two is given by the sender."""

    text: ShortText | None = None
    image_key: ObjectKey | None = None
    position: Position = "bottom_right"
    opacity: float = Field(default=0.5, gt=0, le=1)
    scale: float = Field(default=0.25, gt=0, le=1)
    """Width of the mark as a share of the picture's width."""
    margin: int = Field(default=16, ge=0, le=1_000)
    """Pixels between mark and edge."""


class RequestWatermark(JobResult):
    """Stamp these variants of one medium; the original stays as it is."""

    wire_name: ClassVar[str] = "watermark.requested"

    parent_job_id: UUID | None = None
    watermark: Watermark
    variants: tuple[ProducedVariant, ...] = Field(min_length=1)
    source: ObjectRef


class WatermarkApplied(JobResult):
    """The marked variants are stored."""

    wire_name: ClassVar[str] = "watermark.applied"

    parent_job_id: UUID | None = None
    variants: tuple[ProducedVariant, ...]
