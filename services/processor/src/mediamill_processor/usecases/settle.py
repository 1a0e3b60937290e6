"""Tells what an attempt at a job means: a result, a verdict on the file, or nothing new."""

from collections.abc import Awaitable

from mediamill_contracts.media import MediaAccepted, MediaProcessed, MediaRejected
from mediamill_messaging.errors import PermanentError
from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.usecases.products import all_stored, source_store_of
from mediamill_storage.keys import quarantine_key
from mediamill_storage.object_store import ObjectNotFoundError
from mediamill_storage.stores import Stores


class DoubtfulVerdictError(Exception):
    """A file is refused that was processed before: the machine is to blame, not the file."""


async def settle(
    job: MediaAccepted, stores: Stores, attempt: Awaitable[MediaProcessed]
) -> MediaProcessed | MediaRejected | None:
    """Return the result to publish, or None when an earlier run has published it.

    Raises PermanentError(`source_missing`) when there is nothing to work on.
    """
    try:
        return await attempt
    except ObjectNotFoundError:
        if await _was_judged(job, stores) or await all_stored(job, stores):
            return None
        raise PermanentError("source_missing", "the uploaded file is no longer there") from None
    except UnacceptableFileError as verdict:
        if await all_stored(job, stores):
            raise DoubtfulVerdictError(str(verdict)) from verdict
        return MediaRejected(
            media_id=job.media_id,
            job_id=job.job_id,
            user_id=job.user_id,
            code=verdict.code,
            detail=verdict.detail,
            quarantine_key=quarantine_key(job.media_id),
            quarantine_store=job.source.store,
        )


async def _was_judged(job: MediaAccepted, stores: Stores) -> bool:
    """Whether the source went to quarantine, which happens after its rejection was published."""
    return await source_store_of(job, stores).stat(quarantine_key(job.media_id)) is not None
