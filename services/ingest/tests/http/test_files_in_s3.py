"""Serving what is in S3: by the CDN, by a signed URL, or from here when the record is overtaken."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update

from mediamill_catalog.core import MEDIA, VARIANTS
from mediamill_catalog.tables import StorageStatus

from .cloud import CloudApi
from .conftest import VARIANT


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _place(cloud: CloudApi, status: StorageStatus, *, in_s3: bool = True, locally: bool = False) -> str:
    """Make a READY medium, bring its objects where they are wanted, and let the record claim `status`."""
    media_id = await cloud.api.upload_ready()
    key = MEDIA.c.id == UUID(media_id)
    async with cloud.api.parts.database.write() as session:
        await session.execute(update(MEDIA).where(key).values(storage_status=status))
        original = (await session.execute(select(MEDIA.c.original_key).where(key))).scalar_one()
        variants = select(VARIANTS.c.key).where(VARIANTS.c.media_id == UUID(media_id))
        thumb = (await session.execute(variants)).scalar_one()
    for name, content, media_type in (
        (original, cloud.api.photo, "image/jpeg"),
        (thumb, VARIANT, "image/webp"),
    ):
        if in_s3:
            await cloud.store.put_stream(name, _chunks(content), media_type=media_type)
        if not locally:
            await cloud.api.parts.store.delete(name)
    return media_id


async def test_what_is_in_s3_alone_is_fetched_there(cloud: CloudApi) -> None:
    """The signed URL gives the bytes with our type and name, and is remembered no longer than it lives."""
    media_id = await _place(cloud, StorageStatus.S3)
    answer = await cloud.api.client.get(f"/media/{media_id}/thumb")
    assert (answer.status_code, answer.headers["cache-control"]) == (302, "private, max-age=150")
    assert answer.headers["x-content-type-options"] == "nosniff"
    fetched = await cloud.outside.get(answer.headers["location"])
    assert (fetched.status_code, fetched.content) == (200, VARIANT)
    assert fetched.headers["content-type"] == "image/webp"
    assert fetched.headers["content-disposition"].startswith('inline; filename="my cup.webp"')


async def test_to_look_at_the_headers_is_to_be_sent_there_too(cloud: CloudApi) -> None:
    """A signature covers the method: HEAD leads to an address that is good for HEAD, and is not kept."""
    media_id = await _place(cloud, StorageStatus.S3)
    answer = await cloud.api.client.head(f"/media/{media_id}/thumb")
    assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store")
    found = await cloud.outside.head(answer.headers["location"])
    assert (found.status_code, found.headers["content-length"]) == (200, str(len(VARIANT)))
    assert found.headers["content-type"] == "image/webp"
    assert (await cloud.outside.get(answer.headers["location"])).status_code == 403


async def test_the_cdn_comes_first(cloud: CloudApi) -> None:
    """Public variants are at the CDN as soon as S3 has them; what is local only is served here."""
    both, local = (
        await _place(cloud, StorageStatus.BOTH, locally=True),
        await _place(cloud, StorageStatus.LOCAL, in_s3=False, locally=True),
    )
    cloud.api.decide(s3_public_url="https://cdn.example")
    answer = await cloud.api.client.get(f"/media/{both}/thumb")
    assert answer.status_code == 302
    assert httpx.URL(answer.headers["location"]).host == "cdn.example"
    assert answer.headers["cache-control"] == "public, max-age=150"
    assert (await cloud.api.client.get(f"/media/{local}/thumb")).content == VARIANT


async def test_the_original_is_its_owners_in_s3_too(cloud: CloudApi) -> None:
    """It may tell where it was taken: never at the CDN, signed for its owner and for admins only."""
    media_id = await _place(cloud, StorageStatus.S3)
    cloud.api.decide(s3_public_url="https://cdn.example")
    path = f"/media/{media_id}/original"
    for headers in ({}, cloud.api.as_user("user-2")):
        assert (await cloud.api.client.get(path, headers=headers)).status_code == 404
    for headers in (cloud.api.as_user(), cloud.api.as_user("boss", "admin")):
        answer = await cloud.api.client.get(path, headers=headers)
        assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store")
        assert "cdn.example" not in answer.headers["location"]
        assert (await cloud.outside.get(answer.headers["location"])).content == cloud.api.photo


@pytest.mark.parametrize(
    ("status", "in_s3", "locally"),
    [
        (StorageStatus.LOCAL, True, False),
        (StorageStatus.BOTH, True, False),
        (StorageStatus.BOTH, False, True),
        (StorageStatus.S3, False, True),
    ],
)
async def test_the_other_store_helps_out(
    cloud: CloudApi, status: StorageStatus, in_s3: bool, locally: bool
) -> None:
    """Bytes that are missing where the record claims them are served from where they are."""
    media_id = await _place(cloud, status, in_s3=in_s3, locally=locally)
    answer = await cloud.api.client.get(f"/media/{media_id}/thumb")
    if answer.status_code == 302:
        answer = await cloud.outside.get(answer.headers["location"])
    assert (answer.status_code, answer.content) == (200, VARIANT)


async def test_what_is_nowhere_is_not_found(cloud: CloudApi) -> None:
    """A medium whose bytes are lost is a clear 404, not a redirect to an error."""
    media_id = await _place(cloud, StorageStatus.LOCAL, in_s3=False)
    assert (await cloud.api.client.get(f"/media/{media_id}/thumb")).status_code == 404


async def test_a_hidden_medium_is_signed_for_nobody(cloud: CloudApi) -> None:
    """Deleting hides what is in S3 as well."""
    media_id = await _place(cloud, StorageStatus.S3)
    await cloud.api.client.delete(f"/api/media/{media_id}", headers=cloud.api.as_user())
    assert (await cloud.api.client.get(f"/media/{media_id}/thumb")).status_code == 404


async def test_lists_tell_where_media_are(cloud: CloudApi) -> None:
    """`storageStatus` is shown and asked for."""
    in_s3 = await _place(cloud, StorageStatus.S3)
    await _place(cloud, StorageStatus.LOCAL, in_s3=False, locally=True)
    answer = await cloud.api.client.get("/api/media?storageStatus=s3", headers=cloud.api.as_user())
    assert [(item["id"], item["storageStatus"]) for item in answer.json()["items"]] == [(in_s3, "s3")]
