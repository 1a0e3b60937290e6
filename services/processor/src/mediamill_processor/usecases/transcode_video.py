"""Makes the renditions and the poster of one accepted video and stores them.

Safe to run twice: keys follow from the job, and what is stored is replaced.
"""

import time

from mediamill_contracts.media import MediaAccepted, MediaProcessed, MediaRejected, Stage
from mediamill_processor.ports import Progress, Renderer, Transcoder
from mediamill_processor.usecases.make_video import make_video
from mediamill_processor.usecases.mark_file import mark_file
from mediamill_processor.usecases.products import source_store_of, store_products
from mediamill_processor.usecases.render_image import ENCODED, STARTED
from mediamill_processor.usecases.settle import settle
from mediamill_storage.stores import Stores

_STEP_PERCENT = 5
"""Progress is told in steps that a bar can show; ffmpeg reports several times a second."""


async def transcode_video(
    job: MediaAccepted,
    *,
    stores: Stores,
    transcoder: Transcoder,
    renderer: Renderer,
    progress: Progress,
    attempt: int,
) -> MediaProcessed | MediaRejected | None:
    """Return the result to publish, or None when an earlier run has published it.

    Raises PermanentError(`source_missing`, `watermark_missing`) when there is nothing to work on, and
    `no_video_recipe` for a job that does not say what to make.
    """
    progress.report(job, "started", STARTED, attempt)
    steps = _Steps(job, progress, attempt)
    return await settle(job, stores, _transcode(job, stores, transcoder, renderer, steps))


async def _transcode(
    job: MediaAccepted, stores: Stores, transcoder: Transcoder, renderer: Renderer, steps: "_Steps"
) -> MediaProcessed:
    started = time.monotonic()
    async with (
        source_store_of(job, stores).local_copy(job.source.key) as source,
        mark_file(job.recipe, stores) as mark,
        make_video(
            source,
            job.source.media_type,
            job.recipe,
            transcoder=transcoder,
            renderer=renderer,
            lane=job.lane,
            mark=mark,
            on_share=steps.note,
        ) as made,
    ):
        variants, stored_in = await store_products(job, source, made.files, stores)
    return MediaProcessed(
        media_id=job.media_id,
        job_id=job.job_id,
        user_id=job.user_id,
        source=job.source,
        facts=made.picture,
        video=made.facts,
        variants=variants,
        duration_ms=round((time.monotonic() - started) * 1000),
        attempt=steps.attempt,
        stored_in=stored_in,
    )


class _Steps:
    """Turns the share that is transcoded into steps of the job's progress."""

    def __init__(self, job: MediaAccepted, progress: Progress, attempt: int) -> None:
        self._job = job
        self._progress = progress
        self._told = STARTED
        self.attempt = attempt

    def note(self, share: float) -> None:
        """Report when the next step is reached."""
        percent = STARTED + int((ENCODED - STARTED) * share)
        if percent >= self._told + _STEP_PERCENT:
            self._told = percent
            stage: Stage = "encoded" if percent >= ENCODED else "started"
            self._progress.report(self._job, stage, percent, self.attempt)
