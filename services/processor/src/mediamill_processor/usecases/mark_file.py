"""Fetches the image of a watermark to where the renderer can read it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mediamill_contracts.recipe import Recipe
from mediamill_messaging.errors import PermanentError
from mediamill_storage.stores import Stores


@asynccontextmanager
async def mark_file(recipe: Recipe, stores: Stores) -> AsyncIterator[Path | None]:
    """Give the file of the recipe's image mark; None when it has none.

    Raises PermanentError(`watermark_missing`): a picture that was to be marked is never published without.
    """
    image = recipe.watermark.image if recipe.watermark is not None else None
    if image is None:
        yield None
        return
    store = stores.of(image.store, recipe.s3)
    if await store.stat(image.key) is None:
        raise PermanentError("watermark_missing", "the image of the watermark is no longer there")
    async with store.local_copy(image.key) as path:
        yield path
