"""What parent and child say to each other: JSON, one message a line.

The child may have been taken over by the file it decodes, so the parent checks every field of its answers and
takes no path, no object and no code from it.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from mediamill_contracts.mark import VariantName
from mediamill_contracts.message import Part, ShortText
from mediamill_contracts.recipe import MediaType, PictureFacts, Recipe, Watermark
from mediamill_processor.pipeline.verdicts import VerdictCode

MAX_LINE_BYTES = 64 * 1024
"""A longer answer is no answer."""
PROCEED = b"proceed\n"
"""The parent's word that there is memory for decoding what was inspected."""
EXIT_OUT_OF_MEMORY = 3


class RenderOrder(Part):
    """One job: read `source`, write a file named after each variant to `scratch`."""

    kind: Literal["render"] = "render"
    source: Path
    media_type: MediaType
    scratch: Path
    recipe: Recipe
    mark: Path | None = None
    """File of the recipe's image mark."""
    threads: int
    granted_pixels: int
    """Pictures of up to so many pixels are decoded at once, larger ones after `Inspected` and `PROCEED`."""


class LayerSize(Part):
    """The size in pixels of a picture that a mark is to be laid over, and the name of the file."""

    name: VariantName
    width: int = Field(ge=1, le=16_383)
    height: int = Field(ge=1, le=16_383)


class DrawOrder(Part):
    """One job: draw the mark alone, on nothing, as a PNG for each size in `scratch`."""

    kind: Literal["draw"] = "draw"
    watermark: Watermark
    mark: Path | None
    """File of an image mark."""
    scratch: Path
    layers: tuple[LayerSize, ...] = Field(min_length=1)


Order = RenderOrder | DrawOrder
_orders: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="kind")])


class Ready(Part):
    """The child is confined, and by what."""

    kind: Literal["ready"] = "ready"
    holds: tuple[ShortText, ...]


class Inspected(Part):
    """The header is acceptable, but the picture larger than granted; the child waits for `PROCEED`."""

    kind: Literal["inspected"] = "inspected"
    pixels: int = Field(ge=1)
    """Pixels of all frames together."""


class Decoded(Part):
    """The picture is in memory, the file is no longer needed."""

    kind: Literal["decoded"] = "decoded"


class VariantMade(Part):
    """The size in pixels of one variant."""

    name: VariantName
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    frames: int = Field(ge=1)


class StepTiming(Part):
    """Begin and end of a step in nanoseconds since the Unix epoch."""

    step: ShortText
    started_ns: int = Field(ge=0)
    ended_ns: int = Field(ge=0)


class Finished(Part):
    """All variants are written."""

    kind: Literal["finished"] = "finished"
    facts: PictureFacts
    variants: tuple[VariantMade, ...]
    timings: tuple[StepTiming, ...]


class Drawn(Part):
    """All layers are written."""

    kind: Literal["drawn"] = "drawn"


class Refused(Part):
    """The verdict on the file."""

    kind: Literal["refused"] = "refused"
    code: VerdictCode
    detail: ShortText


class Failed(Part):
    """Something went wrong that is not the file's fault."""

    kind: Literal["failed"] = "failed"
    error: ShortText


Reply = Ready | Inspected | Decoded | Finished | Drawn | Refused | Failed
_replies: TypeAdapter[Reply] = TypeAdapter(Annotated[Reply, Field(discriminator="kind")])


def encode_line(message: Part) -> bytes:
    """Return a message as one line."""
    return message.model_dump_json().encode() + b"\n"


def decode_order(line: bytes) -> Order:
    """Return the parent's order."""
    return _orders.validate_json(line)


def decode_reply(line: bytes) -> Reply:
    """Return the child's answer; raises ValueError when it is none."""
    return _replies.validate_json(line)
