"""How a watermark looks, whatever it shows: shared by messages, settings and requests."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mediamill_contracts.message import Part

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
VariantName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
MarkText = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
    ),
]
"""One line; nothing in it is markup."""


class MarkStyle(Part):
    """Where a mark goes, how large and how strong, and on which variants."""

    position: Position = "bottom_right"
    opacity: float = Field(default=0.5, gt=0, le=1)
    scale: float = Field(default=0.25, gt=0, le=1)
    """Width of the mark as a share of the picture's width; less where it would not fit the height."""
    margin: int = Field(default=16, ge=0, le=1_000)
    """Pixels between mark and edge; when tiled, between one mark and the next."""
    variants: tuple[VariantName, ...] = Field(default=(), max_length=16)
    """Names of the variants that get it; none named: all."""

    def covers(self, name: str) -> bool:
        """Return whether the variant of this name gets the mark."""
        return not self.variants or name in self.variants
