"""Makes the variants of one accepted picture and stores them: the processor's reason to be.

Safe to run twice: keys follow from the job, the same bytes are made again, and what is stored is replaced.
"""

import time

from mediamill_contracts.media import MediaAccepted, MediaProcessed, MediaRejected
from mediamill_contracts.recipe import Recipe
from mediamill_processor.ports import Progress, Renderer, Rendering
from mediamill_processor.tracing import record_steps
from mediamill_processor.usecases.mark_file import mark_file
from mediamill_processor.usecases.products import MadeFile, source_store_of, store_products
from mediamill_processor.usecases.settle import settle
from mediamill_storage.stores import Stores

STARTED, DECODED, ENCODED = 10, 50, 80
"""Percent of a job; the record of the result makes it 100."""


async def render_image(
    job: MediaAccepted, *, stores: Stores, renderer: Renderer, progress: Progress, attempt: int
) -> MediaProcessed | MediaRejected | None:
    """Return the result to publish, or None when an earlier run has published it.

    Raises PermanentError(`source_missing`, `watermark_missing`) when there is nothing to work on.
    """
    progress.report(job, "started", STARTED, attempt)
    return await settle(job, stores, _render(job, stores, renderer, progress, attempt))


async def _render(
    job: MediaAccepted, stores: Stores, renderer: Renderer, progress: Progress, attempt: int
) -> MediaProcessed:
    started = time.monotonic()
    async with (
        source_store_of(job, stores).local_copy(job.source.key) as source,
        mark_file(job.recipe, stores) as mark,
        renderer.render(
            source,
            job.source.media_type,
            job.recipe,
            lane=job.lane,
            on_decoded=lambda: progress.report(job, "decoded", DECODED, attempt),
            mark=mark,
        ) as rendering,
    ):
        progress.report(job, "encoded", ENCODED, attempt)
        record_steps(rendering.steps)
        variants, stored_in = await store_products(job, source, made_files(rendering, job.recipe), stores)
    return MediaProcessed(
        media_id=job.media_id,
        job_id=job.job_id,
        user_id=job.user_id,
        source=job.source,
        facts=rendering.facts,
        variants=variants,
        duration_ms=round((time.monotonic() - started) * 1000),
        attempt=attempt,
        stored_in=stored_in,
    )


def made_files(rendering: Rendering, recipe: Recipe) -> list[MadeFile]:
    """Return the variants of a picture as files to be published."""
    return [
        MadeFile(
            variant.spec.name,
            variant.path,
            f"image/{variant.spec.format}",
            variant.width,
            variant.height,
            variant.frames,
            watermarked=recipe.marks(variant.spec.name),
        )
        for variant in rendering.variants
    ]
