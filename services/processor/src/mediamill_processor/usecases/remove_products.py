"""Removes what attempts at a job have stored, when nothing is to come of the job."""

from contextlib import suppress

from mediamill_contracts.media import MediaAccepted
from mediamill_processor.usecases.products import product_keys, stores_concerned
from mediamill_storage.object_store import StoreUnavailableError
from mediamill_storage.stores import StoreNotConfiguredError, Stores


async def remove_products(job: MediaAccepted, *, stores: Stores) -> None:
    """Delete those that exist: an attempt may have ended between two of them.

    What is in S3 and cannot be reached now is left to the purge of the medium: nobody waits for it.
    """
    with suppress(StoreUnavailableError, StoreNotConfiguredError):
        for store in stores_concerned(job, stores):
            for key in product_keys(job):
                await store.delete(key)
