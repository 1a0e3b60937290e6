"""What is made of an upload, by what it belongs to, unless somebody decided otherwise.

Every list has `large`, `medium` and `thumb`, so that a page can rely on the names. The thumb is a JPEG: it
is what gets shared and e-mailed, and everything can show it.
"""

from collections.abc import Mapping

from mediamill_contracts.recipe import Fit, VariantSpec

FALLBACK = "general"
"""Entity type whose settings serve all that have none of their own."""

Variants = tuple[VariantSpec, ...]


def _pictures(large: tuple[int, int], medium: tuple[int, int], thumb: tuple[int, int], fit: Fit) -> Variants:
    return (
        VariantSpec(name="large", width=large[0], height=large[1], fit=fit),
        VariantSpec(name="medium", width=medium[0], height=medium[1], fit=fit),
        VariantSpec(name="thumb", width=thumb[0], height=thumb[1], fit=fit, format="jpeg", animated=False),
    )


DEFAULT_VARIANTS: Mapping[str, Variants] = {
    FALLBACK: _pictures((1920, 1920), (960, 960), (320, 320), "inside"),
    "listing": _pictures((1600, 1600), (800, 800), (320, 320), "inside"),
    "avatar": _pictures((512, 512), (256, 256), (96, 96), "cover"),
    "banner": _pictures((2560, 1440), (1280, 720), (480, 270), "inside"),
}
"""Sizes in pixels. Pictures keep their proportions, avatars are cut to squares."""
