"""The S3 store when its server fails: what passes is survived, what stays is named."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mediamill_contracts.storage import S3Location
from mediamill_storage.object_store import (
    CorruptObjectError,
    FinishedFile,
    StorageFullError,
    StoreUnavailableError,
)
from mediamill_storage.s3 import S3Credentials, S3Http
from mediamill_storage.s3.store import S3ObjectStore
from mediamill_testing.fault_proxy import FaultProxy
from mediamill_testing.object_store_conformance import KEY, OTHER_KEY, read_all
from mediamill_testing.servers.s3 import S3Server

LARGE = os.urandom(20 * 1024 * 1024)
"""Goes in several parts."""
MEDIUM = LARGE[: 1024 * 1024]


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    """Give a proxy before the S3 server."""
    with FaultProxy(s3_server.url) as proxy:
        yield proxy


@pytest.fixture(params=[True, False], ids=["fast", "guarded"])
async def store(
    request: pytest.FixtureRequest,
    proxy: FaultProxy,
    s3_location: S3Location,
    s3_credentials: S3Credentials,
) -> AsyncIterator[S3ObjectStore]:
    """Give a store behind the proxy that gives up after three attempts."""
    store = S3ObjectStore(
        s3_location.model_copy(update={"endpoint": proxy.url}),
        s3_credentials,
        http=S3Http(attempts=3, connect_seconds=5, read_seconds=10, request_seconds=30),
        fast=request.param,
    )
    yield store
    await store.close()


async def put(store: S3ObjectStore, tmp_path: Path, data: bytes, key: str = KEY) -> None:
    """Store bytes as a file."""
    path = tmp_path / "finished"
    path.write_bytes(data)
    await store.put_files([FinishedFile(path, key, "image/jpeg")])


@pytest.mark.parametrize("status", [500, 503])
async def test_a_server_that_stumbles_is_asked_again(
    status: int, store: S3ObjectStore, proxy: FaultProxy, tmp_path: Path
) -> None:
    """Two errors on the way are not noticed, neither in writing nor in reading."""
    proxy.answer(status, times=2, matching="PUT")
    await put(store, tmp_path, MEDIUM)
    proxy.answer(status, times=2, matching="GET")
    assert await read_all(store, KEY) == MEDIUM


async def test_bodies_that_are_cut_short_are_completed(
    store: S3ObjectStore, proxy: FaultProxy, tmp_path: Path
) -> None:
    """A connection that ends amid a body costs time, not bytes: upload, download and download of a range."""
    proxy.cut_requests(100_000, times=1, matching="PUT")
    await put(store, tmp_path, MEDIUM)
    proxy.cut_answers(300_000, times=2, matching="GET")
    assert await read_all(store, KEY) == MEDIUM
    proxy.cut_answers(300_000, times=1, matching="GET")
    assert await read_all(store, KEY, start=1_000, end=900_000) == MEDIUM[1_000:900_000]
    proxy.cut_answers(300_000, times=1, matching="GET")
    async with store.local_copy(KEY) as path:
        assert path.read_bytes() == MEDIUM


async def test_parts_that_fail_are_sent_again(
    store: S3ObjectStore, proxy: FaultProxy, tmp_path: Path
) -> None:
    """A large file arrives whole although some of its parts failed at first."""
    proxy.answer(500, times=2, matching="partNumber=2")
    proxy.cut_requests(1_000_000, times=1, matching="partNumber=1")
    await put(store, tmp_path, LARGE)
    assert await read_all(store, KEY) == LARGE


async def test_a_server_that_stays_broken_is_named(
    store: S3ObjectStore, proxy: FaultProxy, tmp_path: Path
) -> None:
    """After its attempts the store says so, nothing appears, and the file is kept for another time."""
    proxy.answer(500)
    for data in (MEDIUM, LARGE):
        with pytest.raises(StoreUnavailableError):
            await put(store, tmp_path, data)
        assert (tmp_path / "finished").exists()
    with pytest.raises(StoreUnavailableError):
        await read_all(store, KEY)
    with pytest.raises(StoreUnavailableError):
        await store.check()
    proxy.heal()
    assert await store.stat(KEY) is None


async def test_a_server_that_is_away_comes_back(
    store: S3ObjectStore, proxy: FaultProxy, tmp_path: Path
) -> None:
    """The same store works again when its server does."""
    await put(store, tmp_path, MEDIUM)
    proxy.go_away()
    with pytest.raises(StoreUnavailableError):
        await read_all(store, KEY)
    with pytest.raises(StoreUnavailableError):
        await put(store, tmp_path, MEDIUM, OTHER_KEY)
    with pytest.raises(StoreUnavailableError):
        await store.stat(KEY)
    proxy.come_back()
    assert await read_all(store, KEY) == MEDIUM


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "guarded"])
async def test_a_silent_server_is_given_up(
    fast: bool, proxy: FaultProxy, s3_location: S3Location, s3_credentials: S3Credentials, tmp_path: Path
) -> None:
    """A server that takes requests and never answers does not hold anybody for ever."""
    store = S3ObjectStore(
        s3_location.model_copy(update={"endpoint": proxy.url}),
        s3_credentials,
        http=S3Http(attempts=1, read_seconds=1, request_seconds=2),
        fast=fast,
    )
    proxy.slow_down(delay_seconds=60)
    with pytest.raises(StoreUnavailableError):
        await put(store, tmp_path, MEDIUM)
    with pytest.raises(StoreUnavailableError):
        await read_all(store, KEY)
    await store.close()


async def test_a_slow_server_is_waited_for(store: S3ObjectStore, proxy: FaultProxy, tmp_path: Path) -> None:
    """Slow is not broken: transfers take their time and end well, at the first attempt."""
    proxy.slow_down(bytes_per_second=500_000)
    await put(store, tmp_path, MEDIUM)
    assert await read_all(store, KEY) == MEDIUM
    assert len(proxy.requests) == 2


async def test_a_full_server_is_named(store: S3ObjectStore, proxy: FaultProxy, tmp_path: Path) -> None:
    """No room left is told apart from not being there."""
    proxy.answer(507, matching="PUT")
    with pytest.raises(StorageFullError):
        await put(store, tmp_path, MEDIUM)


async def test_other_bytes_than_were_stored_are_noticed(store: S3ObjectStore, s3_server: S3Server) -> None:
    """An object whose bytes are not those of its hash is never handed out as whole."""
    s3_server.client().put_object(
        Bucket=store.location.bucket, Key=KEY, Body=b"other bytes", Metadata={"sha256": "0" * 64}
    )
    with pytest.raises(CorruptObjectError):
        await read_all(store, KEY)
    with pytest.raises(CorruptObjectError):
        async with store.local_copy(KEY):
            pass


async def test_a_version_is_kept_to(store: S3ObjectStore, tmp_path: Path) -> None:
    """Who examined an object reads and copies that one, not what was put in its place since."""
    await put(store, tmp_path, b"examined")
    examined = await store.stat(KEY)
    assert examined is not None
    await put(store, tmp_path, b"replaced")
    with pytest.raises(StoreUnavailableError):
        await store.copy(KEY, OTHER_KEY, version=examined.version)
    with pytest.raises(StoreUnavailableError):
        _ = [chunk async for chunk in store.read(KEY, version=examined.version)]
    assert await store.stat(OTHER_KEY) is None


@pytest.mark.parametrize(
    ("change", "code"), [({"bucket": "no-such-bucket"}, "NoSuchBucket"), ({}, "SignatureDoesNotMatch")]
)
async def test_a_wrong_location_or_key_is_named(
    change: dict[str, str], code: str, s3_location: S3Location, s3_credentials: S3Credentials
) -> None:
    """What the operator has to mend is told by the server's own word for it."""
    secret = s3_credentials.secret_access_key if change else "guessed"
    store = S3ObjectStore(
        s3_location.model_copy(update=change), S3Credentials(s3_credentials.access_key_id, secret)
    )
    with pytest.raises(StoreUnavailableError) as failure:
        await store.check()
    assert failure.value.code == code
    await store.close()
