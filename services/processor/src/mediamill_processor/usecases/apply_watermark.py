"""Makes variants of a medium again, with a mark or without it, from its untouched original.

Safe to run twice: keys follow from the job. Nothing that is in use is replaced: the variants get keys of this
job's own, and whoever keeps the records exchanges one for the other.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from mediamill_contracts.media import ReasonCode
from mediamill_contracts.recipe import ProducedVariant
from mediamill_contracts.watermark import RequestWatermark, WatermarkApplied
from mediamill_messaging.errors import PermanentError
from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.ports import Renderer, Transcoder
from mediamill_processor.tracing import record_steps, span
from mediamill_processor.usecases.make_video import make_video
from mediamill_processor.usecases.mark_file import mark_file
from mediamill_processor.usecases.products import MadeFile, finished_files, produced
from mediamill_processor.usecases.render_image import made_files
from mediamill_processor.usecases.store_objects import store_everywhere
from mediamill_storage.object_store import ObjectNotFoundError
from mediamill_storage.stores import Stores


async def apply_watermark(
    request: RequestWatermark, *, stores: Stores, renderer: Renderer, transcoder: Transcoder
) -> WatermarkApplied:
    """Return the result to publish.

    Also when there is nothing to work on, or no mark (`source_missing`, `watermark_missing`): the medium may
    have moved while the order waited, and whoever keeps the records knows where to.
    """
    try:
        async with (
            stores.of(request.source.store, request.recipe.s3).local_copy(request.source.key) as source,
            mark_file(request.recipe, stores) as mark,
            _made(request, source, mark, renderer, transcoder) as made,
        ):
            return _result(request, await _store(request, made, stores))
    except ObjectNotFoundError:
        return _result(request, (), "source_missing", "The original is no longer there.")
    except (UnacceptableFileError, PermanentError) as failure:
        return _result(request, (), failure.code, failure.detail)


@asynccontextmanager
async def _made(
    request: RequestWatermark, source: Path, mark: Path | None, renderer: Renderer, transcoder: Transcoder
) -> AsyncIterator[Sequence[MadeFile]]:
    """Give the files of a picture or a video while the context lasts."""
    media_type, recipe = request.source.media_type, request.recipe
    if recipe.video is None:
        async with renderer.render(
            source, media_type, recipe, lane="bulk", on_decoded=lambda: None, mark=mark
        ) as rendering:
            record_steps(rendering.steps)
            yield made_files(rendering, recipe)
        return
    async with make_video(
        source,
        media_type,
        recipe,
        transcoder=transcoder,
        renderer=renderer,
        lane="bulk",
        mark=mark,
        on_share=lambda _: None,
    ) as video:
        yield video.files


async def _store(
    request: RequestWatermark, made: Sequence[MadeFile], stores: Stores
) -> tuple[ProducedVariant, ...]:
    """Put the variants into every store that the medium is in."""
    files = finished_files(request.variant_prefix, made)
    names = request.recipe.stores
    with span("store variants"):
        kept = await store_everywhere(files, [stores.of(name, request.recipe.s3) for name in names])
    return produced(made, files, kept, names[0])


def _result(
    request: RequestWatermark,
    variants: tuple[ProducedVariant, ...],
    code: ReasonCode | None = None,
    detail: str | None = None,
) -> WatermarkApplied:
    return WatermarkApplied(
        media_id=request.media_id,
        job_id=request.job_id,
        user_id=request.user_id,
        parent_job_id=request.parent_job_id,
        source=request.source,
        variants=variants,
        stored_in=request.recipe.stores,
        code=code,
        detail=detail,
    )
