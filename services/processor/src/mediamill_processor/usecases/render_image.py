"""Makes the variants of one accepted picture and stores them: the processor's reason to be.

Safe to run twice: keys follow from the job, the same bytes are made again, and what is stored is replaced.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from mediamill_contracts.media import MediaAccepted, MediaProcessed, MediaRejected
from mediamill_contracts.recipe import ObjectRef, ProducedVariant, Store, VariantSpec
from mediamill_messaging.errors import PermanentError
from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.ports import Progress, Renderer, Rendering
from mediamill_processor.tracing import record_steps, span
from mediamill_processor.usecases.store_objects import store_objects
from mediamill_storage.keys import quarantine_key, variant_key
from mediamill_storage.object_store import FinishedFile, ObjectNotFoundError, ObjectStore
from mediamill_storage.stores import Stores

STARTED, DECODED, ENCODED = 10, 50, 80
"""Percent of a job; the record of the result makes it 100."""


class DoubtfulVerdictError(Exception):
    """A file is refused that was processed before: the machine is to blame, not the file."""


async def render_image(
    job: MediaAccepted, *, stores: Stores, renderer: Renderer, progress: Progress, attempt: int
) -> MediaProcessed | MediaRejected | None:
    """Return the result to publish, or None when an earlier run has published it.

    Raises PermanentError(`source_missing`) when there is nothing to work on.
    """
    started = time.monotonic()
    progress.report(job, "started", STARTED, attempt)
    try:
        async with (
            source_store_of(job, stores).local_copy(job.source.key) as source,
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
            variants, stored_in = await _store_all(rendering, job, source, stores)
    except ObjectNotFoundError:
        if await _was_judged(job, stores) or await _has_all_variants(job, stores):
            return None
        raise PermanentError("source_missing", "the uploaded file is no longer there") from None
    except UnacceptableFileError as verdict:
        if await _has_all_variants(job, stores):
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
        stored_in=stored_in,
    )


async def _store_all(
    rendering: Rendering, job: MediaAccepted, source: Path, stores: Stores
) -> tuple[tuple[ProducedVariant, ...], tuple[Store, ...]]:
    files = [
        FinishedFile(variant.path, variant_key_of(job, variant.spec), f"image/{variant.spec.format}")
        for variant in rendering.variants
    ]
    with span("store variants"):
        placement = await store_objects(job, source, files, stores)
    variants = tuple(
        ProducedVariant(
            name=variant.spec.name,
            object=ObjectRef(
                store=placement.stores[0],
                key=file.key,
                size_bytes=kept.size_bytes,
                sha256=kept.sha256,
                media_type=file.media_type,
            ),
            width=variant.width,
            height=variant.height,
            frames=variant.frames,
        )
        for variant, file, kept in zip(rendering.variants, files, placement.files, strict=True)
    )
    return variants, placement.stores


def variant_key_of(job: MediaAccepted, spec: VariantSpec) -> str:
    """Return the key under which the job's variant is stored."""
    return variant_key(job.variant_prefix, spec.name, f"image/{spec.format}")


def source_store_of(job: MediaAccepted, stores: Stores) -> ObjectStore:
    """Return the store that the job's original is in."""
    return stores.of(job.source.store, job.recipe.s3)


def stores_concerned(job: MediaAccepted, stores: Stores) -> Iterator[ObjectStore]:
    """Yield every store that an attempt at the job may have left something in, local storage first."""
    for name in sorted({"local", job.source.store, *job.recipe.stores}):
        yield stores.of(name, job.recipe.s3)


async def _was_judged(job: MediaAccepted, stores: Stores) -> bool:
    """Whether the source went to quarantine, which happens after its rejection was published."""
    return await source_store_of(job, stores).stat(quarantine_key(job.media_id)) is not None


async def _has_all_variants(job: MediaAccepted, stores: Stores) -> bool:
    """Whether an earlier attempt stored all that was asked for, in one store at least."""
    for store in stores_concerned(job, stores):
        found = [await store.stat(variant_key_of(job, spec)) for spec in job.recipe.variants]
        if None not in found:
            return True
    return False


def _rejection(job: MediaAccepted, verdict: UnacceptableFileError) -> MediaRejected:
    return MediaRejected(
        media_id=job.media_id,
        job_id=job.job_id,
        user_id=job.user_id,
        code=verdict.code,
        detail=verdict.detail,
        quarantine_key=quarantine_key(job.media_id),
    )
