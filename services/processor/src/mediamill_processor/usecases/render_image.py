"""Makes the variants of one accepted picture and stores them: the processor's reason to be.

Safe to run twice: keys follow from the job, the same bytes are made again, and what is stored is replaced.
"""

import time

from mediamill_contracts.media import MediaAccepted, MediaProcessed, MediaRejected
from mediamill_contracts.recipe import ObjectRef, ProducedVariant, VariantSpec
from mediamill_messaging.errors import PermanentError
from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.ports import Progress, Renderer, Rendering
from mediamill_processor.tracing import record_steps, span
from mediamill_storage.keys import quarantine_key, variant_key
from mediamill_storage.object_store import FinishedFile, ObjectNotFoundError, ObjectStore

STARTED, DECODED, ENCODED = 10, 50, 80
"""Percent of a job; the record of the result makes it 100."""


class DoubtfulVerdictError(Exception):
    """A file is refused that was processed before: the machine is to blame, not the file."""


async def render_image(
    job: MediaAccepted, *, store: ObjectStore, renderer: Renderer, progress: Progress, attempt: int
) -> MediaProcessed | MediaRejected | None:
    """Return the result to publish, or None when an earlier run has published it.

    Raises PermanentError(`source_missing`) when there is nothing to work on.
    """
    started = time.monotonic()
    progress.report(job, "started", STARTED, attempt)
    try:
        async with (
            store.local_copy(job.source.key) as source,
            renderer.render(
                source,
                job.source.media_type,
                job.recipe,
                lane=job.lane,
                on_decoded=lambda: progress.report(job, "decoded", DECODED, attempt),
            ) as rendering,
        ):
            progress.report(job, "encoded", ENCODED, attempt)
            record_steps(rendering.steps)
            variants = await _store_all(rendering, job, store)
    except ObjectNotFoundError:
        if await _was_judged(job, store) or await _has_all_variants(job, store):
            return None
        raise PermanentError("source_missing", "the uploaded file is no longer there") from None
    except UnacceptableFileError as verdict:
        if await _has_all_variants(job, store):
            raise DoubtfulVerdictError(str(verdict)) from verdict
        return _rejection(job, verdict)
    return MediaProcessed(
        media_id=job.media_id,
        job_id=job.job_id,
        user_id=job.user_id,
        source=job.source,
        facts=rendering.facts,
        variants=variants,
        duration_ms=round((time.monotonic() - started) * 1000),
        attempt=attempt,
    )


async def _store_all(
    rendering: Rendering, job: MediaAccepted, store: ObjectStore
) -> tuple[ProducedVariant, ...]:
    files = [
        FinishedFile(variant.path, variant_key_of(job, variant.spec), f"image/{variant.spec.format}")
        for variant in rendering.variants
    ]
    with span("store variants"):
        stored = await store.put_files(files)
    return tuple(
        ProducedVariant(
            name=variant.spec.name,
            object=ObjectRef(
                key=file.key, size_bytes=kept.size_bytes, sha256=kept.sha256, media_type=file.media_type
            ),
            width=variant.width,
            height=variant.height,
            frames=variant.frames,
        )
        for variant, file, kept in zip(rendering.variants, files, stored, strict=True)
    )


def variant_key_of(job: MediaAccepted, spec: VariantSpec) -> str:
    """Return the key under which the job's variant is stored."""
    return variant_key(job.variant_prefix, spec.name, f"image/{spec.format}")


async def _was_judged(job: MediaAccepted, store: ObjectStore) -> bool:
    """Whether the source went to quarantine, which happens after its rejection was published."""
    return await store.stat(quarantine_key(job.media_id)) is not None


async def _has_all_variants(job: MediaAccepted, store: ObjectStore) -> bool:
    found = [await store.stat(variant_key_of(job, spec)) for spec in job.recipe.variants]
    return None not in found


def _rejection(job: MediaAccepted, verdict: UnacceptableFileError) -> MediaRejected:
    return MediaRejected(
        media_id=job.media_id,
        job_id=job.job_id,
        user_id=job.user_id,
        code=verdict.code,
        detail=verdict.detail,
        quarantine_key=quarantine_key(job.media_id),
    )
