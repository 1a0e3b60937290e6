"""Large files that clients send to S3 in parts: exact sizes, taken up again, nothing left over."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from mediamill_catalog.settings import PlatformSettings
from mediamill_contracts.storage import S3Location
from mediamill_ingest.current_stores import CurrentStores
from mediamill_storage.inspection import AcceptancePolicy
from mediamill_storage.s3 import S3Stores
from mediamill_storage.s3.access_policy import access_policy
from mediamill_testing.fault_proxy import FaultProxy
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.s3_permissions import not_granted
from mediamill_testing.servers.s3 import S3Server

from .cloud import ROOMY, CloudApi, large
from .conftest import parts_with, serving


@pytest.fixture
def policy() -> AcceptancePolicy:
    """Take pictures so large that they are sent in parts."""
    return ROOMY


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
    (event,) = await cloud.announced()
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
    await cloud.grow_old(initiated["uploadId"])
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


async def test_ingest_asks_for_no_more_than_its_keys_may(
    cloud: CloudApi,
    s3_server: S3Server,
    s3_settings: PlatformSettings,
    s3_location: S3Location,
    tmp_path: Path,
    photo_corpus: PhotoCorpus,
) -> None:
    """Uploads that are confirmed, refused and sent in parts get along with the policy of its role."""
    with FaultProxy(s3_server.url) as proxy:
        location = s3_location.model_copy(update={"endpoint": proxy.url})
        settings = s3_settings.model_copy(update={"s3_endpoint": proxy.url})
        s3 = S3Stores(s3_server.credentials, endpoint=proxy.url)
        stores = CurrentStores(cloud.api.parts.store, s3, lambda: settings)
        parts = parts_with(cloud.api.parts.database, stores, policy=ROOMY)
        async with serving(parts, tmp_path / "storage", b"photo") as api:
            proxied = CloudApi(api, s3.at(location))
            program = photo_corpus.hostile("elf").path.read_bytes()
            answers = [
                await proxied.upload(content)
                for content in (cloud.api.photo, program, large(cloud.api.photo))
            ]
            await proxied.outside.aclose()
        await s3.close()
        assert [answer.status_code for answer in answers] == [200, 400, 200]
        policy = access_policy(location, "ingest")
        assert not_granted(proxy.requests, location.bucket, policy) == set()
