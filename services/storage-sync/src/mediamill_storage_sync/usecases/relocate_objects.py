"""Copies a medium's objects to other keys of the stores they are in, and removes nothing.

Safe to run again at any point: a copy that is there with the right bytes is not made a second time.
"""

from mediamill_contracts.recipe import ObjectRef, Store
from mediamill_contracts.relocation import ObjectMove, RelocationCompleted, RequestRelocation
from mediamill_messaging.errors import PermanentError
from mediamill_storage.object_store import CorruptObjectError, ObjectNotFoundError, ObjectStore
from mediamill_storage.stores import StoreNotConfiguredError, Stores
from mediamill_storage_sync.transfer import holds
from mediamill_storage_sync.turns import Turns


async def relocate_objects(request: RequestRelocation, stores: Stores, turns: Turns) -> RelocationCompleted:
    """Return what to publish: which stores have every copy, verified by size and SHA-256.

    A store that lacks a source, or holds other bytes than those on record, is left out. Raises
    PermanentError(`s3_not_configured`), and what a store raises: the queue tries again.
    """
    copied_to = [name for name in request.stores if await _relocate_in(name, request, stores, turns)]
    return RelocationCompleted(
        media_id=request.media_id,
        user_id=request.user_id,
        chat_message_id=request.chat_message_id,
        run=request.run,
        moves=request.moves,
        stores=request.stores,
        copied_to=tuple(copied_to),
        s3=request.s3,
    )


async def _relocate_in(name: Store, request: RequestRelocation, stores: Stores, turns: Turns) -> bool:
    """Return whether every copy is in the store."""
    try:
        store = stores.of(name, request.s3)
    except StoreNotConfiguredError as error:
        raise PermanentError("s3_not_configured", str(error)) from error
    try:
        for number, move in enumerate(request.moves):
            async with turns.turn(len(request.moves) - number):
                await _copy(store, move, name)
    except (ObjectNotFoundError, CorruptObjectError):
        return False
    return True


async def _copy(store: ObjectStore, move: ObjectMove, name: Store) -> None:
    """Copy within the store; a copy that differs from the record is removed again."""
    target = ObjectRef(
        store=name,
        key=move.target_key,
        size_bytes=move.size_bytes,
        sha256=move.sha256,
        media_type=move.media_type,
    )
    if move.source_key == move.target_key or await holds(store, target):
        return
    await store.copy(move.source_key, move.target_key)
    if not await holds(store, target):
        await store.delete(move.target_key)
        raise CorruptObjectError(f"{move.source_key}: not the bytes on record")
