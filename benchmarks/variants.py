"""What every contestant makes of a photo: the sizes and encoder settings of the general recipe."""

from typing import NamedTuple


class Variant(NamedTuple):
    """One WebP to derive; the picture fits inside a square of `side` pixels and is never enlarged."""

    name: str
    side: int


VARIANTS = (Variant("large", 1920), Variant("medium", 960), Variant("thumb", 320))
QUALITY = 80
EFFORT = 2
"""libwebp's method: 0 is fastest, 6 smallest."""
