"""Uploads that clients send to S3 themselves: what S3 enforces, and what confirming makes of them."""

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from mediamill_catalog import presigned
from mediamill_catalog.core import JOBS, MEDIA
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import utc_now
from mediamill_contracts.media import MediaUploaded
from mediamill_ingest.current_stores import CurrentStores
from mediamill_ingest.usecases.initiate_upload import UploadPace
from mediamill_outbox.tables import outbox
from mediamill_storage.inspection import AcceptancePolicy
from mediamill_storage.s3 import S3Stores
from mediamill_testing.photos import PhotoCorpus

from .cloud import ROOMY, CloudApi, large
from .conftest import ON_BOTH_DATABASES, parts_with, serving

KEY_HEADER = "Idempotency-Key"


@pytest.fixture
def policy() -> AcceptancePolicy:
    """Take pictures so large that they are sent in parts."""
    return ROOMY


async def announced(cloud: CloudApi) -> list[MediaUploaded]:
    """Return what admission will be told."""
    async with cloud.api.parts.database.read() as session:
        found = await session.execute(
            select(outbox.c.payload).where(outbox.c.type == MediaUploaded.wire_name)
        )
        return [MediaUploaded.model_validate_json(payload) for payload in found.scalars()]


async def jobs_of(cloud: CloudApi, media_id: str) -> int:
    """Return how many jobs a medium has."""
    async with cloud.api.parts.database.read() as session:
        found = await session.execute(select(JOBS.c.id).where(JOBS.c.media_id == UUID(media_id)))
        return len(found.all())


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
    (event,) = await announced(cloud)
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
async def test_twenty_confirmations_make_one_medium(cloud: CloudApi) -> None:
    """However often and however simultaneously: one job, one event, the same record."""
    initiated = (await cloud.initiate(cloud.api.photo)).json()
    await cloud.send(initiated, cloud.api.photo)
    answers = await asyncio.gather(*(cloud.confirm(initiated["uploadId"]) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["jobId"] for answer in answers}) == 1
    assert len({answer.text for answer in answers}) == 1
    assert len(await announced(cloud)) == 1
    assert await jobs_of(cloud, initiated["uploadId"]) == 1
    assert len(await cloud.objects()) == 1


@ON_BOTH_DATABASES
async def test_confirmations_on_two_replicas_make_one_medium(cloud: CloudApi, tmp_path: Path) -> None:
    """Two processes that know nothing of each other settle it by the row."""
    parts = parts_with(cloud.api.parts.database, cloud.api.parts.stores, policy=ROOMY)
    async with serving(parts, tmp_path / "storage", cloud.api.photo) as other:
        replica = CloudApi(other, cloud.store, cloud.outside)
        initiated = (await cloud.initiate(cloud.api.photo)).json()
        await cloud.send(initiated, cloud.api.photo)
        answers = await asyncio.gather(
            *(each.confirm(initiated["uploadId"]) for each in (cloud, replica) for _ in range(5))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["jobId"] for answer in answers}) == 1
    (event,) = await announced(cloud)
    assert await cloud.objects() == [event.staged.key]


async def test_an_object_that_comes_late_is_waited_for(cloud: CloudApi) -> None:
    """A confirmation that overtakes the file by a moment is not refused."""
    initiated = (await cloud.initiate(cloud.api.photo)).json()
    confirming = asyncio.create_task(cloud.confirm(initiated["uploadId"]))
    done, _ = await asyncio.wait({confirming}, timeout=0.5)
    assert not done
    await cloud.send(initiated, cloud.api.photo)
    assert (await confirming).status_code == 200


async def test_an_object_that_never_comes_is_missing(cloud: CloudApi) -> None:
    """Without the file the upload stays open: it can be sent and confirmed afterwards."""
    initiated = (await cloud.initiate(cloud.api.photo)).json()
    answers = await asyncio.gather(*(cloud.confirm(initiated["uploadId"]) for _ in range(5)))
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(400, "object_missing")}
    await cloud.send(initiated, cloud.api.photo)
    assert (await cloud.confirm(initiated["uploadId"])).status_code == 200


async def test_sending_again_after_confirmation_changes_nothing(cloud: CloudApi) -> None:
    """The signed URL still works, but what it writes to is not what was confirmed."""
    photo = cloud.api.photo
    initiated = (await cloud.initiate(photo)).json()
    await cloud.send(initiated, photo)
    await cloud.confirm(initiated["uploadId"])
    (event,) = await announced(cloud)
    assert (await cloud.send(initiated, b"\x7fELF" + bytes(len(photo) - 4))).status_code == 200
    assert await cloud.content(event.staged.key) == photo
    assert (await cloud.confirm(initiated["uploadId"])).json()["status"] == "CONFIRMED"
    assert await cloud.content(event.staged.key) == photo


async def test_what_lies_is_put_in_quarantine(cloud: CloudApi, photo_corpus: PhotoCorpus) -> None:
    """Bytes of another kind than declared are refused, kept aside, and the verdict stays."""
    program = photo_corpus.hostile("elf").path.read_bytes()
    initiated = (await cloud.initiate(program)).json()
    await cloud.send(initiated, program)
    answers = await asyncio.gather(*(cloud.confirm(initiated["uploadId"]) for _ in range(4)))
    answers.append(await cloud.confirm(initiated["uploadId"]))
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(400, "executable_content")}
    assert await cloud.objects() == [f"failed/{initiated['uploadId']}.quarantine"]
    assert await announced(cloud) == []
    medium = await cloud.api.client.get(f"/api/media/{initiated['uploadId']}", headers=cloud.api.as_user())
    assert (medium.json()["status"], medium.json()["error"]["code"]) == ("FAILED", "executable_content")


async def test_another_users_upload_does_not_exist(cloud: CloudApi) -> None:
    """Neither its state, nor its parts, nor its confirmation, nor an id that nobody has."""
    initiated = (await cloud.initiate(cloud.api.photo)).json()
    await cloud.send(initiated, cloud.api.photo)
    stranger = cloud.api.as_user("user-2")
    path = f"/api/media/upload/{initiated['uploadId']}"
    answers = [
        await cloud.confirm(initiated["uploadId"], user_id="user-2"),
        await cloud.confirm(str(uuid4())),
        await cloud.api.client.get(path, headers=stranger),
        await cloud.api.client.post(f"{path}/parts", json={"partNumbers": [1]}, headers=stranger),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert (await cloud.confirm(initiated["uploadId"])).status_code == 200


async def test_a_medium_of_another_way_is_no_upload(cloud: CloudApi) -> None:
    """What came by HTTP cannot be confirmed."""
    media_id = (await cloud.api.upload()).json()["mediaId"]
    assert (await cloud.confirm(media_id)).status_code == 404


async def test_an_upload_expires(cloud: CloudApi) -> None:
    """A day later it is too late, and the object is gone."""
    initiated = (await cloud.initiate(cloud.api.photo)).json()
    await cloud.send(initiated, cloud.api.photo)
    await grow_old(cloud, initiated["uploadId"])
    for _ in range(2):
        answer = await cloud.confirm(initiated["uploadId"])
        assert (answer.status_code, answer.json()["code"]) == (410, "upload_expired")
    assert await cloud.objects() == []


async def grow_old(cloud: CloudApi, upload_id: str) -> None:
    """Let an upload have begun two days ago."""
    async with cloud.api.parts.database.write() as session:
        began = utc_now() - timedelta(days=2)
        await session.execute(update(MEDIA).where(MEDIA.c.id == UUID(upload_id)).values(created_at=began))


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
    await grow_old(cloud, last.json()["uploadId"])
    assert (await cloud.initiate(cloud.api.photo)).status_code == 201
    assert (await cloud.initiate(cloud.api.photo)).status_code == 429


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


async def test_what_was_begun_can_be_confirmed_while_s3_is_disabled(
    cloud: CloudApi, s3_settings: PlatformSettings, s3_stores: S3Stores, tmp_path: Path
) -> None:
    """Disabling S3 keeps new uploads away, not those whose bytes are there."""
    initiated = (await cloud.initiate(cloud.api.photo)).json()
    await cloud.send(initiated, cloud.api.photo)
    disabled = s3_settings.model_copy(update={"s3_enabled": False})
    stores = CurrentStores(cloud.api.parts.store, s3_stores, lambda: disabled)
    async with serving(parts_with(cloud.api.parts.database, stores), tmp_path / "storage", b"photo") as api:
        later = CloudApi(api, cloud.store)
        assert (await later.initiate(cloud.api.photo)).status_code == 409
        assert (await later.confirm(initiated["uploadId"])).status_code == 200


async def test_nobody_begins_uploads_unknown(cloud: CloudApi) -> None:
    """Without signing in there is no place to send to."""
    answer = await cloud.api.client.post("/api/media/upload/initiate", json={})
    assert answer.status_code == 401


async def test_a_large_file_is_sent_in_parts(cloud: CloudApi) -> None:
    """Parts are signed for their exact sizes, and become one object when it is confirmed."""
    content = large(cloud.api.photo)
    initiated = (await cloud.initiate(content)).json()
    assert initiated["presignedUrl"] is None
    parts = initiated["multipart"]["parts"]
    assert sum(part["size"] for part in parts) == len(content)
    wrong = await cloud.outside.put(parts[0]["url"], content=content[: parts[0]["size"] - 1])
    assert wrong.status_code == 403
    etags = []
    for part in parts:
        sent = await cloud.send_part(initiated, part["partNumber"], content)
        etags.append({"partNumber": part["partNumber"], "etag": sent.headers["etag"]})
    answers = await asyncio.gather(*(cloud.confirm(initiated["uploadId"], parts=etags) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    (event,) = await announced(cloud)
    assert await cloud.objects() == [event.staged.key]
    assert hashlib.sha256(await cloud.content(event.staged.key)).digest() == hashlib.sha256(content).digest()
    late = await cloud.send_part(initiated, 1, bytes(len(content)))
    assert late.status_code == 404


async def test_a_large_upload_is_taken_up_again(cloud: CloudApi) -> None:
    """After a lost connection the client learns what is there, has the rest signed anew, and goes on."""
    content = large(cloud.api.photo)
    initiated = (await cloud.initiate(content)).json()
    await cloud.send_part(initiated, 2, content)
    missing = await cloud.confirm(initiated["uploadId"])
    assert (missing.status_code, missing.json()["code"]) == (400, "object_missing")
    assert "1, 3" in missing.json()["detail"]
    path = f"/api/media/upload/{initiated['uploadId']}"
    state = (await cloud.api.client.get(path, headers=cloud.api.as_user())).json()
    assert [part["partNumber"] for part in state["arrivedParts"]] == [2]
    assert (state["status"], state["partCount"]) == ("PENDING", 3)
    answer = await cloud.api.client.post(
        f"{path}/parts", json={"partNumbers": [1, 3, 99]}, headers=cloud.api.as_user()
    )
    for part in answer.json()["parts"]:
        begin = (part["partNumber"] - 1) * state["partSize"]
        sent = await cloud.outside.put(part["url"], content=content[begin : begin + part["size"]])
        assert sent.status_code == 200
    assert (await cloud.confirm(initiated["uploadId"])).status_code == 200


async def test_parts_that_the_client_does_not_know_are_refused(cloud: CloudApi) -> None:
    """When the client names a part by another ETag than S3 has, something else arrived."""
    content = large(cloud.api.photo)
    initiated = (await cloud.initiate(content)).json()
    await cloud.send(initiated, content)
    wrong = [{"partNumber": 1, "etag": '"0123456789abcdef0123456789abcdef"'}]
    answer = await cloud.confirm(initiated["uploadId"], parts=wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, "part_mismatch")
    assert (await cloud.confirm(initiated["uploadId"])).status_code == 200


async def test_an_expired_large_upload_leaves_no_parts(cloud: CloudApi) -> None:
    """What was sent of it is removed from S3."""
    content = large(cloud.api.photo)
    initiated = (await cloud.initiate(content)).json()
    await cloud.send_part(initiated, 1, content)
    await grow_old(cloud, initiated["uploadId"])
    assert (await cloud.confirm(initiated["uploadId"])).status_code == 410
    assert (await cloud.send_part(initiated, 1, content)).status_code == 404


async def test_a_small_file_has_no_parts(cloud: CloudApi) -> None:
    """Parts of a file that is sent whole are not signed."""
    initiated = (await cloud.initiate(cloud.api.photo)).json()
    path = f"/api/media/upload/{initiated['uploadId']}"
    answer = await cloud.api.client.post(
        f"{path}/parts", json={"partNumbers": [1]}, headers=cloud.api.as_user()
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "not_in_parts")
    state = (await cloud.api.client.get(path, headers=cloud.api.as_user())).json()
    assert (state["partSize"], state["arrivedParts"]) == (None, [])
