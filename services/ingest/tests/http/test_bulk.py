"""Many files in one request: each with its own verdict."""

import httpx

from mediamill_contracts.ids import new_id
from mediamill_storage.keys import staged_key

from .conftest import Api, file_part


async def _post(api: Api, *files: tuple[str, bytes, str], **headers: str) -> httpx.Response:
    parts = [("files", file) for file in files]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.client.post("/api/media/bulk", files=parts, headers=api.as_user() | named)


async def test_each_file_has_its_own_verdict(api: Api) -> None:
    """Good files get jobs on the bulk lane, bad ones their code, in one answer."""
    answer = await _post(
        api,
        ("one.jpg", api.photo, "image/jpeg"),
        ("bad.jpg", b"\x7fELF" + bytes(100_000), "image/jpeg"),
        ("empty.jpg", b"", "image/jpeg"),
        ("two.jpg", api.photo, "image/jpeg"),
    )
    assert answer.status_code == 202
    body = answer.json()
    assert [job["filename"] for job in body["jobs"]] == ["one.jpg", "two.jpg"]
    verdicts = [(refused["filename"], refused["code"]) for refused in body["rejected"]]
    assert verdicts == [("bad.jpg", "executable_content"), ("empty.jpg", "empty_file")]
    assert len(api.stored_files()) == 2
    stats = (await api.client.get("/api/queue/stats", headers=api.as_user())).json()
    assert stats["queues"] == {"processor.images-bulk": stats["statuses"]}


async def test_a_form_that_breaks_off_leaves_nothing(api: Api) -> None:
    """Files that were whole before the form broke are not kept: the client will send all of it again."""
    body = file_part(api.photo) + b"\r\n" + file_part(api.photo[:500])
    status, problem = await api.raw(api.head(length=len(body), path="/api/media/bulk") + body)
    assert (status, problem["code"]) == (400, "malformed_multipart")
    assert api.stored_files() == []
    assert await api.open_jobs() == 0


async def test_too_many_files_are_refused(api: Api) -> None:
    """More files than one request may hold are refused as a whole."""
    answer = await _post(api, *[("a.jpg", api.photo, "image/jpeg")] * 11)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_files")
    assert api.stored_files() == []


async def test_a_repeated_bulk_is_one_bulk(api: Api) -> None:
    """The same request with the same key names the same jobs."""
    files = [("a.jpg", api.photo, "image/jpeg"), ("b.jpg", api.photo, "image/jpeg")]
    first = await _post(api, *files, Idempotency_Key="bulk-1")
    second = await _post(api, *files, Idempotency_Key="bulk-1")
    assert first.json() == second.json()
    assert len(api.stored_files()) == 2


async def _stage(api: Api, content: bytes, user_id: str = "user-1") -> str:
    key = staged_key(user_id, new_id(), "jpg")
    file = api.parts.store.new_file()
    file.write(content)
    await api.parts.store.commit_file(file, key)
    return key


async def test_staged_bytes_are_taken_over(api: Api) -> None:
    """Keys of the caller's own staged bytes become uploads, each once, and repeating is safe."""
    key = await _stage(api, api.photo)
    request = {"files": [{"key": key, "fileName": "mine.jpg"}], "entityType": "listing"}
    headers = api.as_user() | {"Idempotency-Key": "keys-1"}
    first = await api.client.post("/api/media/bulk", json=request, headers=headers)
    assert [job["filename"] for job in first.json()["jobs"]] == ["mine.jpg"]
    again = await api.client.post("/api/media/bulk", json=request, headers=headers)
    assert again.json() == first.json()
    other = await api.client.post("/api/media/bulk", json=request, headers=api.as_user())
    assert [refused["code"] for refused in other.json()["rejected"]] == ["already_used"]
    assert api.stored_files() == [key]


async def test_staged_bytes_are_their_owners(api: Api) -> None:
    """A stranger's key, a missing one, one that leads out and bad bytes are refused, each on its own."""
    keys = [
        await _stage(api, api.photo, "user-2"),
        staged_key("user-1", new_id(), "jpg"),
        "temp/user-1/../user-2/x.jpg",
        await _stage(api, b"#!/bin/sh\n"),
    ]
    request = {"files": [{"key": key} for key in keys]}
    answer = await api.client.post("/api/media/bulk", json=request, headers=api.as_user())
    assert answer.status_code == 202
    codes = [refused["code"] for refused in answer.json()["rejected"]]
    assert codes == ["not_staged", "not_staged", "not_staged", "executable_content"]
    assert answer.json()["jobs"] == []
    assert keys[0] in api.stored_files()
