"""Puts a refused file where nothing serves it, and removes what was made of it."""

from contextlib import suppress

from mediamill_contracts.media import MediaAccepted
from mediamill_processor.usecases.products import product_keys, source_store_of, stores_concerned
from mediamill_storage.keys import quarantine_key
from mediamill_storage.object_store import StoreUnavailableError
from mediamill_storage.stores import StoreNotConfiguredError, Stores


async def quarantine_source(job: MediaAccepted, *, stores: Stores) -> None:
    """Move the job's source to quarantine, in the store it is in; again after success, it does nothing.

    An earlier attempt may have died between two variants, so those that exist are deleted. One in S3 that
    cannot be reached now is left to the purge of the medium: the verdict does not wait for it.
    """
    with suppress(StoreUnavailableError, StoreNotConfiguredError):
        for store in stores_concerned(job, stores):
            for key in product_keys(job):
                await store.delete(key)
    await source_store_of(job, stores).move(job.source.key, quarantine_key(job.media_id))
