"""Puts a refused file where nothing serves it, and removes what was made of it."""

from mediamill_contracts.media import MediaAccepted
from mediamill_processor.usecases.products import source_store_of
from mediamill_processor.usecases.remove_products import remove_products
from mediamill_storage.keys import quarantine_key
from mediamill_storage.stores import Stores


async def quarantine_source(job: MediaAccepted, *, stores: Stores) -> None:
    """Move the job's source to quarantine, in the store it is in; again after success, it does nothing."""
    await remove_products(job, stores=stores)
    await source_store_of(job, stores).move(job.source.key, quarantine_key(job.media_id))
