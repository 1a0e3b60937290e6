"""What every contestant makes of a photo: the sizes and encoder settings of the general recipe."""

from typing import NamedTuple


class Variant(NamedTuple):
    """One picture to derive; it fits inside a square of `side` pixels and is never enlarged."""

    name: str
    side: int
    extension: str


VARIANTS = (Variant("large", 1920, "webp"), Variant("medium", 960, "webp"), Variant("thumb", 320, "jpg"))
QUALITY = 80
EFFORT = 2
"""libwebp's method: 0 is fastest, 6 smallest."""
