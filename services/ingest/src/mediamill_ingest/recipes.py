"""The recipe of each entity type, following the settings in force."""

from collections.abc import Callable

from mediamill_catalog.settings import FALLBACK, PlatformSettings
from mediamill_contracts.recipe import Limits, Recipe, Store


class RecipeBook:
    """Written anew whenever the settings are another object; looked up for each upload."""

    def __init__(self, settings: Callable[[], PlatformSettings], limits: Limits) -> None:
        self._settings = settings
        self._limits = limits
        self._written_for = settings()
        self._recipes: dict[tuple[str, Store], Recipe] = {}

    def recipe_for(self, entity_type: str, *, source: Store = "local") -> Recipe:
        """Return the recipe for media of this type whose original is in `source` now."""
        settings = self._settings()
        if settings is not self._written_for:
            self._written_for, self._recipes = settings, {}
        known = entity_type if entity_type in settings.entity_types else FALLBACK
        recipe = self._recipes.get((known, source))
        if recipe is None:
            recipe = self._recipes[known, source] = self._write(settings, known, source)
        return recipe

    def _write(self, settings: PlatformSettings, entity_type: str, source: Store) -> Recipe:
        recipe = Recipe(
            variants=settings.variants_of(entity_type),
            limits=self._limits,
            strategy=settings.strategy_of(entity_type),
        )
        if "s3" not in (source, *recipe.stores):
            return recipe
        return recipe.model_copy(update={"s3": settings.known_s3_location})
