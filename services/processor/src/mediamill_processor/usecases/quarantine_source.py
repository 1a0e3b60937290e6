"""Puts a refused file where nothing serves it, and removes what was made of it."""

from mediamill_contracts.media import MediaAccepted
from mediamill_processor.usecases.render_image import variant_key_of
from mediamill_storage.keys import quarantine_key
from mediamill_storage.object_store import ObjectStore


async def quarantine_source(job: MediaAccepted, *, store: ObjectStore) -> None:
    """Move the job's source to quarantine; again after success, it does nothing.

    An earlier attempt may have died between two variants, so those that exist are deleted.
    """
    for spec in job.recipe.variants:
        await store.delete(variant_key_of(job, spec))
    await store.move(job.source.key, quarantine_key(job.media_id))
