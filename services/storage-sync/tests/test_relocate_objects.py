"""Relocations within a real folder and a real bucket."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mediamill_contracts.ids import new_id
from mediamill_contracts.relocation import ObjectMove, RelocationCompleted, RequestRelocation
from mediamill_contracts.storage import S3Location
from mediamill_messaging.errors import PermanentError
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.s3 import S3Credentials, S3Stores
from mediamill_storage.stores import Stores
from mediamill_storage_sync.turns import Turns
from mediamill_storage_sync.usecases.relocate_objects import relocate_objects

CONTENTS = {"a.jpg": b"original" * 10_000, "a_thumb.webp": b"variant"}


@pytest.fixture
async def stores(
    tmp_path: Path, s3_location: S3Location, s3_credentials: S3Credentials
) -> AsyncIterator[Stores]:
    """Give both stores, each with a medium of two objects."""
    local = LocalObjectStore(tmp_path / "storage", fsync=False)
    s3 = S3Stores(s3_credentials, endpoint=s3_location.endpoint)
    for store in (local, s3.at(s3_location)):
        for name, content in CONTENTS.items():
            await store.put_stream(_source(name), _chunks(content), media_type="image/jpeg")
    yield Stores(local, s3)
    await local.close()
    await s3.close()


async def run(request: RequestRelocation, stores: Stores) -> RelocationCompleted:
    """Carry a request out."""
    return await relocate_objects(request, stores, Turns(4))


async def test_copies_appear_in_both_stores_and_sources_stay(stores: Stores, s3_location: S3Location) -> None:
    """After a run, and after a second one, old and new keys give the same bytes in both stores."""
    request = _request(s3_location)
    for _ in range(2):
        done = await run(request, stores)
        assert done.copied_to == ("local", "s3")
    for name in request.stores:
        store = stores.of(name, s3_location)
        for move, content in zip(request.moves, CONTENTS.values(), strict=True):
            for key in (move.source_key, move.target_key):
                assert b"".join([chunk async for chunk in store.read(key)]) == content


async def test_store_that_lacks_a_source_is_left_out(stores: Stores, s3_location: S3Location) -> None:
    """The other store is done all the same; a later run finds copies that outlived their sources."""
    request = _request(s3_location)
    await stores.local.delete(request.moves[1].source_key)
    assert (await run(request, stores)).copied_to == ("s3",)
    for move in request.moves:
        await stores.of("s3", s3_location).delete(move.source_key)
    assert (await run(request, stores)).copied_to == ("s3",)


async def test_damaged_source_is_not_published(stores: Stores, s3_location: S3Location) -> None:
    """Bytes other than those on record appear under no new key."""
    request = _request(s3_location)
    await stores.local.put_stream(
        request.moves[0].source_key, _chunks(b"damaged!" * 10_000), media_type="image/jpeg"
    )
    assert (await run(request, stores)).copied_to == ("s3",)
    assert await stores.local.stat(request.moves[0].target_key) is None


async def test_missing_configuration_is_told(stores: Stores, s3_location: S3Location) -> None:
    """Without credentials for S3 the request is a dead letter, not an endless retry."""
    with pytest.raises(PermanentError, match="credentials"):
        await run(_request(s3_location), Stores(stores.local))


def _source(name: str) -> str:
    return f"permanent/2026/03/unlinked/{name}"


def _request(location: S3Location) -> RequestRelocation:
    message_id = new_id()
    moves = tuple(
        ObjectMove(
            source_key=_source(name),
            target_key=f"permanent/2026/03/{message_id}/{name}",
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            media_type="image/jpeg",
        )
        for name, content in CONTENTS.items()
    )
    return RequestRelocation(
        media_id=new_id(),
        user_id="ann",
        chat_message_id=message_id,
        moves=moves,
        stores=("local", "s3"),
        s3=location,
    )


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content
