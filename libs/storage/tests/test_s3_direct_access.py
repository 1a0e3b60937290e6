"""What a browser may do with a signed request, and that it may do nothing else with it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import httpx
import pytest

from mediamill_contracts.storage import S3Location
from mediamill_storage.direct_access import SignedRequest, UploadNotFoundError
from mediamill_storage.s3 import S3Credentials, S3Http
from mediamill_storage.s3.connection import S3Connection
from mediamill_storage.s3.store import S3ObjectStore
from mediamill_testing.fault_proxy import FaultProxy
from mediamill_testing.object_store_conformance import read_all
from mediamill_testing.servers.s3 import S3Server
from mediamill_testing.waiting import eventually

KEY = "temp/somebody/0190-upload.jpg"
PICTURE = b"picture" * 1_000
PART = b"p" * (5 * 1024 * 1024)


@pytest.fixture
async def store(s3_location: S3Location, s3_credentials: S3Credentials) -> AsyncIterator[S3ObjectStore]:
    """Give a store in a bucket of its own."""
    store = S3ObjectStore(s3_location, s3_credentials)
    yield store
    await store.close()


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    """Give an HTTP client that knows no keys."""
    async with httpx.AsyncClient(timeout=30) as client:
        yield client


async def send(
    browser: httpx.AsyncClient, signed: SignedRequest, data: bytes, media_type: str | None = None
) -> int:
    """Do as the signed request says, with other bytes or another type if told; return the status."""
    headers = {name: value for name, value in signed.headers.items() if name != "Content-Length"}
    headers |= {"Content-Type": media_type} if media_type else {}
    return (await browser.request(signed.method, signed.url, content=data, headers=headers)).status_code


async def signed_upload(store: S3ObjectStore, seconds: int = 300) -> SignedRequest:
    """Sign an upload of PICTURE as a JPEG."""
    return await store.direct.signed_put(
        KEY, media_type="image/jpeg", size_bytes=len(PICTURE), seconds=seconds
    )


async def test_a_signed_upload_stores_what_was_declared(
    store: S3ObjectStore, browser: httpx.AsyncClient
) -> None:
    """The declared size and type get through, and the object has them."""
    signed = await signed_upload(store)
    assert await send(browser, signed, PICTURE) == 200
    assert await read_all(store, KEY) == PICTURE
    async with browser.stream("GET", await store.direct.signed_get(KEY)) as answer:
        assert answer.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("data", "media_type"),
    [(PICTURE + b"x", None), (PICTURE[:-1], None), (b"", None), (PICTURE, "text/html")],
    ids=["longer", "shorter", "empty", "other-type"],
)
async def test_anything_else_is_refused(
    data: bytes, media_type: str | None, store: S3ObjectStore, browser: httpx.AsyncClient
) -> None:
    """Another size or type than declared is refused by the store itself, and nothing appears."""
    signed = await signed_upload(store)
    assert await send(browser, signed, data, media_type) in {400, 403}
    assert await store.stat(KEY) is None


async def test_a_signed_upload_expires(store: S3ObjectStore, browser: httpx.AsyncClient) -> None:
    """After its time a signature is worth nothing."""
    signed = await signed_upload(store, seconds=1)

    async def refused() -> bool:
        return await send(browser, signed, PICTURE) == 403

    assert await eventually(refused, timeout=30)


async def test_another_key_is_refused(store: S3ObjectStore, browser: httpx.AsyncClient) -> None:
    """A signature is for one key."""
    signed = await signed_upload(store)
    assert KEY in signed.url
    elsewhere = replace(signed, url=signed.url.replace(KEY, "permanent/a.jpg"))
    assert await send(browser, elsewhere, PICTURE) == 403
    assert await store.stat("permanent/a.jpg") is None


async def test_a_signed_download_says_how_to_show_it(
    store: S3ObjectStore, browser: httpx.AsyncClient
) -> None:
    """Type and disposition are those that were signed; without a signature nothing is given."""
    await send(browser, await signed_upload(store), PICTURE)
    url = await store.direct.signed_get(
        KEY, media_type="application/octet-stream", disposition='attachment; filename="cat.jpg"'
    )
    answer = await browser.get(url)
    assert answer.content == PICTURE
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="cat.jpg"'
    assert (await browser.get(url.partition("?")[0])).status_code == 403


async def test_an_upload_in_parts_is_resumed(store: S3ObjectStore, browser: httpx.AsyncClient) -> None:
    """The store tells which parts it has, each of its signed size, and makes them one object."""
    upload_id = await store.direct.begin_multipart(KEY, media_type="video/mp4")
    first = await store.direct.signed_part(KEY, upload_id, 1, size_bytes=len(PART))
    assert await send(browser, first, PART) == 200
    assert [part.number for part in await store.direct.list_parts(KEY, upload_id)] == [1]
    assert await store.stat(KEY) is None
    second = await store.direct.signed_part(KEY, upload_id, 2, size_bytes=4)
    assert await send(browser, second, b"more than four") == 403
    assert await send(browser, second, b"tail") == 200
    parts = await store.direct.list_parts(KEY, upload_id)
    assert [(part.number, part.size_bytes) for part in parts] == [(1, len(PART)), (2, 4)]
    await store.direct.complete_multipart(KEY, upload_id, parts)
    assert await read_all(store, KEY) == PART + b"tail"


async def test_an_aborted_upload_is_gone(store: S3ObjectStore, browser: httpx.AsyncClient) -> None:
    """After an abort, which can be repeated, there is nothing to resume or complete."""
    upload_id = await store.direct.begin_multipart(KEY, media_type="video/mp4")
    await store.direct.abort_multipart(KEY, upload_id)
    await store.direct.abort_multipart(KEY, upload_id)
    with pytest.raises(UploadNotFoundError):
        await store.direct.list_parts(KEY, upload_id)
    with pytest.raises(UploadNotFoundError):
        await store.direct.complete_multipart(KEY, upload_id, [])


async def test_browsers_may_know_the_server_by_another_address(
    s3_server: S3Server, s3_location: S3Location, s3_credentials: S3Credentials, browser: httpx.AsyncClient
) -> None:
    """Signed URLs name the address that browsers use, and are valid there."""
    with FaultProxy(s3_server.url) as proxy:
        store = S3ObjectStore(s3_location, s3_credentials, browser_endpoint=proxy.url)
        assert await send(browser, await signed_upload(store), PICTURE) == 200
        url = await store.direct.signed_get(KEY)
        assert url.startswith(proxy.url)
        assert (await browser.get(url)).content == PICTURE
        await store.close()


@pytest.mark.parametrize(
    ("bucket", "region", "base"),
    [
        ("photos", "eu-central-1", "https://photos.s3.eu-central-1.amazonaws.com/"),
        ("photos", "cn-north-1", "https://photos.s3.cn-north-1.amazonaws.com.cn/"),
        ("www.example.com", "eu-central-1", "https://s3.eu-central-1.amazonaws.com/www.example.com/"),
    ],
)
async def test_buckets_of_amazon_are_named_in_their_region(
    s3_credentials: S3Credentials, monkeypatch: pytest.MonkeyPatch, bucket: str, region: str, base: str
) -> None:
    """A browser that sends to the global address is redirected, which loses its body.

    Everything that is signed is signed as the SDK does it.
    """
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime(2026, 5, 1, 12, tzinfo=UTC))
    location = S3Location(bucket=bucket, region=region)
    store = S3ObjectStore(location, s3_credentials)
    connection = S3Connection(location, s3_credentials, S3Http())
    sdk = await connection.client()
    disposition = 'inline; filename="a b.webp"'
    signed = [
        await store.direct.signed_get(KEY, media_type="image/webp", disposition=disposition),
        await store.direct.signed_get(KEY, head=True),
        (await store.direct.signed_put(KEY, media_type="image/jpeg", size_bytes=7)).url,
        (await store.direct.signed_part(KEY, "id+/=", 3, size_bytes=7)).url,
    ]
    its = {"Bucket": bucket, "Key": KEY}
    as_shown = {"ResponseContentType": "image/webp", "ResponseContentDisposition": disposition}
    part = {"UploadId": "id+/=", "PartNumber": 3, "ContentLength": 7}
    expected = [
        await sdk.generate_presigned_url(operation, Params=its | more, ExpiresIn=300)
        for operation, more in (
            ("get_object", as_shown),
            ("head_object", {}),
            ("put_object", {"ContentType": "image/jpeg", "ContentLength": 7}),
            ("upload_part", part),
        )
    ]
    assert all(url.startswith(f"{base}{KEY}?") for url in signed)
    assert list(map(_split, signed)) == list(map(_split, expected))
    await connection.close()
    await store.close()


def _split(url: str) -> tuple[str, list[tuple[str, str]]]:
    """Return address and query; the order of the query's parameters has no meaning."""
    address, _, query = url.partition("?")
    return address, sorted(parse_qsl(query))
