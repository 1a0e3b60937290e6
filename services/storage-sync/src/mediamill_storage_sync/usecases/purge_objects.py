"""Removes objects for good. Again, or where nothing is left, it does nothing."""

from mediamill_contracts.sync import MediaPurged, RequestPurge
from mediamill_messaging.errors import PermanentError
from mediamill_storage.stores import StoreNotConfiguredError, Stores
from mediamill_storage_sync import metrics
from mediamill_storage_sync.turns import Turns


async def purge_objects(request: RequestPurge, stores: Stores, turns: Turns) -> MediaPurged | None:
    """Remove every key from every store of the request; return what to publish when the medium itself goes.

    Raises PermanentError(`s3_not_configured`), and what a store raises: the queue tries again.
    """
    for name in request.stores:
        try:
            store = stores.of(name, request.s3)
        except StoreNotConfiguredError as error:
            raise PermanentError("s3_not_configured", str(error)) from error
        for number, key in enumerate(request.keys):
            async with turns.turn(len(request.keys) - number):
                removed = await store.delete(key)
            metrics.PURGED.labels(name).inc(removed)
    if not request.final:
        return None
    return MediaPurged(media_id=request.media_id, user_id=request.user_id, removed_keys=request.keys)
