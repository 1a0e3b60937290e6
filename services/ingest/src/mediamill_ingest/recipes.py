"""What is made of an upload, by what it belongs to: the defaults, and how settings replace them.

Every recipe has `large`, `medium` and `thumb`, so that a page can rely on the names. The thumb is a JPEG: it
is what gets shared and e-mailed, and everything can show it.
"""

from collections.abc import Mapping

from mediamill_contracts.media import EntityType
from mediamill_contracts.recipe import Fit, Limits, Recipe, StorageStrategy, VariantSpec

FALLBACK = "general"
"""Entity type whose recipe serves all that have none of their own."""

Variants = tuple[VariantSpec, ...]
VariantsByEntity = dict[EntityType, Variants]


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


class RecipeBook:
    """The recipe of each entity type; made once, looked up for each upload."""

    def __init__(self, variants: Mapping[str, Variants], limits: Limits, strategy: StorageStrategy) -> None:
        """Let `variants` replace or add to the defaults, by entity type."""
        self._recipes = {
            entity_type: Recipe(variants=chosen, limits=limits, strategy=strategy)
            for entity_type, chosen in {**DEFAULT_VARIANTS, **variants}.items()
        }

    def recipe_for(self, entity_type: str) -> Recipe:
        """Return the recipe of an entity type, or the general one."""
        return self._recipes.get(entity_type) or self._recipes[FALLBACK]
