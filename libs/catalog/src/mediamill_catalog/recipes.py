"""The recipe of each entity type, following the settings in force."""

from collections.abc import Callable

from mediamill_catalog.marks import MarkImageError, resolve_mark
from mediamill_catalog.settings import FALLBACK, PlatformSettings
from mediamill_contracts.recipe import Kind, Limits, Recipe, Rendition, Store, VariantSpec, VideoRecipe
from mediamill_database import Database
from mediamill_messaging.errors import PermanentError

_POSTERS = (
    VariantSpec(name="poster", width=1280, height=1280, format="jpeg"),
    VariantSpec(name="poster_webp", width=1280, height=1280),
    VariantSpec(name="thumb", width=320, height=320, format="jpeg"),
)
"""What is made of the picture that stands for a video until it plays."""
PLAIN_VIDEO = VideoRecipe(renditions=(Rendition(name="video"),))


class RecipeBook:
    """Written anew whenever the settings are another object; looked up for each upload."""

    def __init__(
        self,
        settings: Callable[[], PlatformSettings],
        limits: Limits,
        video: VideoRecipe = PLAIN_VIDEO,
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._video = video
        self._written_for = settings()
        self._recipes: dict[tuple[str, Kind, Store], Recipe] = {}

    def recipe_for(self, entity_type: str, *, kind: Kind = "image", source: Store = "local") -> Recipe:
        """Return the recipe for media of this type and kind whose original is in `source` now."""
        settings = self._settings()
        if settings is not self._written_for:
            self._written_for, self._recipes = settings, {}
        known = entity_type if entity_type in settings.entity_types else FALLBACK
        recipe = self._recipes.get((known, kind, source))
        if recipe is None:
            recipe = self._recipes[known, kind, source] = self._write(settings, known, kind, source)
        return recipe

    async def marked_recipe_for(
        self, database: Database, entity_type: str, *, kind: Kind, source: Store
    ) -> Recipe:
        """Return the recipe with the entity type's watermark, its image looked up now.

        Raises PermanentError(`watermark_missing`): media are not published without the mark they are to have.
        A replay of the upload, once the settings are put right, looks again.
        """
        recipe = self.recipe_for(entity_type, kind=kind, source=source)
        settings = self._settings()
        mark = settings.watermark_of(entity_type)
        if mark is None:
            return recipe
        try:
            async with database.read() as session:
                watermark = await resolve_mark(session, mark)
        except MarkImageError as error:
            raise PermanentError("watermark_missing", str(error)) from None
        return recipe.model_copy(update={"watermark": watermark, "s3": settings.known_s3_location})

    def _write(self, settings: PlatformSettings, entity_type: str, kind: Kind, source: Store) -> Recipe:
        recipe = Recipe(
            variants=_POSTERS if kind == "video" else settings.variants_of(entity_type),
            video=self._video if kind == "video" else None,
            limits=self._limits,
            strategy=settings.strategy_of(entity_type),
        )
        if "s3" not in (source, *recipe.stores):
            return recipe
        return recipe.model_copy(update={"s3": settings.known_s3_location})
