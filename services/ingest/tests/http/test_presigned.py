"""Places for uploads that clients send to S3 themselves: who gets one, how many, and what S3 enforces."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from mediamill_catalog import presigned
from mediamill_catalog.core import MEDIA
from mediamill_catalog.settings import PlatformSettings
from mediamill_contracts.sync import MediaPurged
from mediamill_ingest.current_stores import CurrentStores
from mediamill_ingest.usecases.initiate_upload import UploadPace
from mediamill_ingest.usecases.purge_media import record_purged
from mediamill_storage.s3 import S3Stores

from .cloud import CloudApi
from .conftest import ON_BOTH_DATABASES, parts_with, serving

KEY_HEADER = "Idempotency-Key"


async def test_a_file_goes_to_s3_and_becomes_a_medium(cloud: CloudApi) -> None:
    """Initiate, PUT, confirm: the record tells what was said, and admission is told where the bytes are."""
    photo = cloud.api.photo
    answer = await cloud.initiate(photo, entityType="listing", entityId="42", alt="A cup", title="Cup")
    assert answer.status_code == 201
    initiated = answer.json()
    assert initiated["method"] == "PUT"
    assert initiated["expiresIn"] == 300
    assert initiated["s3Key"] == f"temp/user-1/{initiated['uploadId']}.jpg"
    assert initiated["multipart"] is None
    assert (await cloud.send(initiated, photo)).status_code == 200
    confirmed = await cloud.confirm(initiated["uploadId"])
    assert confirmed.status_code == 200
    medium = confirmed.json()
    assert medium["id"] == initiated["uploadId"]
    assert (medium["status"], medium["storageStatus"]) == ("CONFIRMED", "s3")
    assert (medium["entityType"], medium["entityId"], medium["alt"]) == ("listing", "42", "A cup")
    (event,) = await cloud.announced()
    assert str(event.job_id) == medium["jobId"]
    assert (event.staged.store, event.staged.size_bytes) == ("s3", len(photo))
    assert await cloud.objects() == [event.staged.key]
    assert await cloud.content(event.staged.key) == photo
    job = await cloud.api.client.get(f"/api/media/jobs/{medium['jobId']}", headers=cloud.api.as_user())
    assert job.json()["status"] == "waiting"


@pytest.mark.parametrize("difference", [-1, 1, -1000])
async def test_s3_refuses_another_size(cloud: CloudApi, difference: int) -> None:
    """A body of another length than the declared one does not match the signature."""
    photo = cloud.api.photo
    initiated = (await cloud.initiate(photo)).json()
    other = photo[:difference] if difference < 0 else photo + b"\0" * difference
    refused = await cloud.send(initiated, other)
    assert refused.status_code == 403
    assert "SignatureDoesNotMatch" in refused.text
    assert await cloud.objects() == []


@pytest.mark.parametrize("declared", ["image/png", "text/html", None])
async def test_s3_refuses_another_type(cloud: CloudApi, declared: str | None) -> None:
    """A body of another type than the declared one, or of none, does not match the signature."""
    initiated = (await cloud.initiate(cloud.api.photo)).json()
    initiated["headers"] = {} if declared is None else {"Content-Type": declared}
    assert (await cloud.send(initiated, cloud.api.photo)).status_code == 403
    assert await cloud.objects() == []


async def test_the_url_is_for_one_key(cloud: CloudApi) -> None:
    """The signature covers the key: nothing can be written elsewhere with it."""
    initiated = (await cloud.initiate(cloud.api.photo)).json()
    elsewhere = initiated["s3Key"].replace("user-1", "user-2")
    initiated["presignedUrl"] = initiated["presignedUrl"].replace(initiated["s3Key"], elsewhere)
    assert (await cloud.send(initiated, cloud.api.photo)).status_code == 403


@pytest.mark.parametrize(
    ("declared", "size", "status", "code"),
    [
        ("application/zip", 10, 415, "unsupported_type"),
        ("image/svg+xml", 10, 400, "active_content"),
        ("image/jpeg", 0, 400, "empty_file"),
        ("image/jpeg", 40_000_001, 413, "too_large"),
    ],
)
async def test_what_is_not_acceptable_is_refused_at_once(
    cloud: CloudApi, declared: str, size: int, status: int, code: str
) -> None:
    """Type and size get the code and the status that the file itself would get."""
    answer = await cloud.initiate(b"", declared=declared, fileSize=size)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "change", [{"fileSize": -1}, {"fileName": ""}, {"entityType": "No Such!"}, {"fileSize": "many"}]
)
async def test_malformed_wishes_are_named(cloud: CloudApi, change: dict[str, Any]) -> None:
    """A field that makes no sense is named."""
    answer = await cloud.initiate(cloud.api.photo, **change)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@ON_BOTH_DATABASES
async def test_ten_a_minute_over_all_replicas(cloud: CloudApi, tmp_path: Path) -> None:
    """Of many uploads begun at once on two replicas ten are promised; the others are told when to return."""
    parts = parts_with(cloud.api.parts.database, cloud.api.parts.stores)
    async with serving(parts, tmp_path / "storage", cloud.api.photo) as other:
        replica = CloudApi(other, cloud.store, cloud.outside)
        answers = await asyncio.gather(
            *(each.initiate(cloud.api.photo) for each in (cloud, replica) for _ in range(10))
        )
    refused = [answer for answer in answers if answer.status_code == 429]
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [429] * 10
    assert {answer.json()["code"] for answer in refused} == {"too_many_uploads"}
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in refused)
    assert (await cloud.initiate(cloud.api.photo, user_id="user-2")).status_code == 201


@ON_BOTH_DATABASES
async def test_the_window_moves_on(cloud: CloudApi) -> None:
    """Who waited as told may begin the next upload, and only as many as have left the window."""
    for _ in range(10):
        last = await cloud.initiate(cloud.api.photo)
    await cloud.grow_old(last.json()["uploadId"])
    assert (await cloud.initiate(cloud.api.photo)).status_code == 201
    assert (await cloud.initiate(cloud.api.photo)).status_code == 429


@ON_BOTH_DATABASES
async def test_removing_uploads_makes_no_room_for_others(cloud: CloudApi) -> None:
    """An upload that its owner had removed for good counts for as long as any other."""
    for _ in range(10):
        upload_id = (await cloud.initiate(cloud.api.photo)).json()["uploadId"]
    path = f"/api/media/{upload_id}?force=hard"
    assert (await cloud.api.client.delete(path, headers=cloud.api.as_user())).status_code == 202
    await record_purged(
        cloud.api.parts.database, MediaPurged(media_id=UUID(upload_id), user_id="user-1", removed_keys=())
    )
    refused = await cloud.initiate(cloud.api.photo)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert (await cloud.initiate(cloud.api.photo, user_id="user-2")).status_code == 201


async def test_how_long_to_wait_follows_from_the_oldest(cloud: CloudApi) -> None:
    """The wait ends when the oldest of the counted uploads leaves the window."""
    await cloud.initiate(cloud.api.photo)
    window = UploadPace().window
    async with cloud.api.parts.database.read() as session:
        began = (await session.execute(select(MEDIA.c.created_at))).scalar_one()
        later = began + timedelta(seconds=45)
        wait = await presigned.wait_before_next(session, "user-1", most=1, window=window, now=later)
    assert wait == timedelta(seconds=15)


@ON_BOTH_DATABASES
async def test_a_repeated_request_gets_the_same_upload(cloud: CloudApi) -> None:
    """The same key and body: the same place, signed anew, and not counted; another body: refused."""
    key = {KEY_HEADER: "again"}
    first = (await cloud.initiate(cloud.api.photo, headers=key)).json()
    for _ in range(12):
        again = await cloud.initiate(cloud.api.photo, headers=key)
        assert (again.status_code, again.json()["uploadId"]) == (201, first["uploadId"])
    assert (await cloud.send(again.json(), cloud.api.photo)).status_code == 200
    other = await cloud.initiate(cloud.api.photo + b"\0", headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize("configured", [True, False])
async def test_without_s3_there_is_a_clear_answer(
    cloud: CloudApi, s3_settings: PlatformSettings, s3_stores: S3Stores, tmp_path: Path, *, configured: bool
) -> None:
    """While S3 is disabled, or not there at all, clients are told to upload directly."""
    disabled = s3_settings.model_copy(update={"s3_enabled": False})
    provider, settings = (s3_stores, disabled) if configured else (None, s3_settings)
    stores = CurrentStores(cloud.api.parts.store, provider, lambda: settings)
    async with serving(parts_with(cloud.api.parts.database, stores), tmp_path / "storage", b"photo") as api:
        answer = await CloudApi(api, cloud.store).initiate(b"photo")
    assert (answer.status_code, answer.json()["code"]) == (409, "s3_not_enabled")


async def test_nobody_begins_uploads_unknown(cloud: CloudApi) -> None:
    """Without signing in there is no place to send to."""
    answer = await cloud.api.client.post("/api/media/upload/initiate", json={})
    assert answer.status_code == 401
