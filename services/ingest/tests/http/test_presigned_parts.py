"""Large files that clients send to S3 in parts: exact sizes, taken up again, nothing left over."""

import asyncio
import hashlib

import pytest

from mediamill_storage.inspection import AcceptancePolicy

from .cloud import ROOMY, CloudApi, large


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
