"""What confirming makes of a file in S3: one medium, however often it is said, and never another's."""

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import select

from mediamill_catalog.core import JOBS
from mediamill_catalog.settings import PlatformSettings
from mediamill_ingest.current_stores import CurrentStores
from mediamill_storage.s3 import S3Stores
from mediamill_testing.photos import PhotoCorpus

from .cloud import CloudApi
from .conftest import ON_BOTH_DATABASES, parts_with, serving


async def jobs_of(cloud: CloudApi, media_id: str) -> int:
    """Return how many jobs a medium has."""
    async with cloud.api.parts.database.read() as session:
        found = await session.execute(select(JOBS.c.id).where(JOBS.c.media_id == UUID(media_id)))
        return len(found.all())


@ON_BOTH_DATABASES
async def test_twenty_confirmations_make_one_medium(cloud: CloudApi) -> None:
    """However often and however simultaneously: one job, one event, the same record."""
    initiated = (await cloud.initiate(cloud.api.photo)).json()
    await cloud.send(initiated, cloud.api.photo)
    answers = await asyncio.gather(*(cloud.confirm(initiated["uploadId"]) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["jobId"] for answer in answers}) == 1
    assert len({answer.text for answer in answers}) == 1
    assert len(await cloud.announced()) == 1
    assert await jobs_of(cloud, initiated["uploadId"]) == 1
    assert len(await cloud.objects()) == 1


@ON_BOTH_DATABASES
async def test_confirmations_on_two_replicas_make_one_medium(cloud: CloudApi, tmp_path: Path) -> None:
    """Two processes that know nothing of each other settle it by the row."""
    parts = parts_with(cloud.api.parts.database, cloud.api.parts.stores)
    async with serving(parts, tmp_path / "storage", cloud.api.photo) as other:
        replica = CloudApi(other, cloud.store, cloud.outside)
        initiated = (await cloud.initiate(cloud.api.photo)).json()
        await cloud.send(initiated, cloud.api.photo)
        answers = await asyncio.gather(
            *(each.confirm(initiated["uploadId"]) for each in (cloud, replica) for _ in range(5))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["jobId"] for answer in answers}) == 1
    (event,) = await cloud.announced()
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
    (event,) = await cloud.announced()
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
    assert await cloud.announced() == []
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
    await cloud.grow_old(initiated["uploadId"])
    for _ in range(2):
        answer = await cloud.confirm(initiated["uploadId"])
        assert (answer.status_code, answer.json()["code"]) == (410, "upload_expired")
    assert await cloud.objects() == []


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
