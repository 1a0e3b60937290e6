"""Has the watermark of a recipe drawn for the renditions of a video that get it, each at its own size."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from mediamill_contracts.recipe import Lane, Recipe
from mediamill_processor.pipeline.placement import Box
from mediamill_processor.ports import Renderer
from mediamill_processor.video.files import Layers


def mark_layers(recipe: Recipe, renderer: Renderer, *, lane: Lane, mark: Path | None) -> Layers:
    """Return what draws the layers; `mark` is the file of the recipe's image mark."""

    @asynccontextmanager
    async def layers(sizes: Mapping[str, Box]) -> AsyncIterator[Mapping[str, Path]]:
        chosen = {name: size for name, size in sizes.items() if recipe.marks(name)}
        if recipe.watermark is None or not chosen:
            yield {}
            return
        async with renderer.draw(recipe.watermark, chosen, lane=lane, mark=mark) as drawn:
            yield drawn

    return layers
