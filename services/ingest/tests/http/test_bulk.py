"""Many files in one request: each with its own verdict."""

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_contracts.ids import new_id
from mediamill_ingest.http.parts import UploadLimits
from mediamill_storage.atomic_file import AtomicFile
from mediamill_storage.keys import staged_key
from mediamill_web.body_stream import BodyPace

from .conftest import Api, file_part

PIXEL = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\0\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
"""A whole GIF of one pixel."""
THOUSAND = 1_000
BAD_PLACES = [0, 500, 999]


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


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(file_part(b"\xff\xd8 only a beginning"), id="cut off"),
        pytest.param(b"--frontier\r\nno header\r\n\r\nx\r\n--frontier--\r\n", id="broken head"),
        pytest.param(b"--frontier\r\n\xff\xfe: \x00\r\n\r\nx\r\n--frontier--\r\n", id="garbage"),
    ],
)
async def test_a_form_that_breaks_leaves_nothing(api: Api, rest: bytes) -> None:
    """Files that were whole before the form broke are not kept: the client will send all of it again."""
    body = file_part(api.photo) + b"\r\n" + rest
    status, problem = await api.raw(api.head(length=len(body), path="/api/media/bulk") + body)
    assert (status, problem["code"]) == (400, "malformed_multipart")
    assert api.stored_files() == []
    assert await api.open_jobs() == 0


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_a_thousand_files_are_one_request(api: Api) -> None:
    """Each of a thousand files has its verdict and place, in few transactions, and few files open at once."""
    api.allow(max_bulk_files=UploadLimits().max_bulk_files)
    files = [(f"{number}.gif", PIXEL, "image/gif") for number in range(THOUSAND)]
    for place in BAD_PLACES:
        files[place] = ("bad.gif", b"MZ" + bytes(64), "image/gif")
    commits, most_open = 0, 0

    def count(_session: AsyncSession) -> None:
        nonlocal commits
        commits += 1

    async def watch() -> None:
        nonlocal most_open
        while True:
            most_open = max(most_open, _open_files())
            await asyncio.sleep(0.01)

    api.parts.database.on_commit(count)
    before = _open_files()
    watching = asyncio.create_task(watch())
    answer = await _post(api, *files)
    watching.cancel()
    assert answer.status_code == 202
    body = answer.json()
    assert [refused["index"] for refused in body["rejected"]] == BAD_PLACES
    accepted = {job["index"]: job["filename"] for job in body["jobs"]}
    assert accepted == {place: f"{place}.gif" for place in range(THOUSAND) if place not in BAD_PLACES}
    assert len({job["jobId"] for job in body["jobs"]}) == len(accepted)
    assert await api.open_jobs() == len(accepted)
    assert len(api.stored_files()) == len(accepted)
    assert commits <= THOUSAND / 25
    assert most_open - before < 50


async def test_a_slow_disk_is_not_the_clients_fault(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the time that the server waits for bytes counts against who sends them."""
    commit = api.parts.store.commit_file

    async def slowly(file: AtomicFile, key: str) -> None:
        await asyncio.sleep(0.5)
        await commit(file, key)

    monkeypatch.setattr(api.parts.store, "commit_file", slowly)
    pace = BodyPace(idle_seconds=1, grace_seconds=1, min_bytes_per_second=10_000_000)
    api.app.state.parts = replace(api.parts, pace=pace)
    answer = await _post(api, *[("a.jpg", api.photo, "image/jpeg")] * 5)
    assert answer.status_code == 202


async def test_too_many_files_are_refused(api: Api) -> None:
    """More files than one request may hold are refused as a whole, bytes and keys alike."""
    answer = await _post(api, *[("a.jpg", api.photo, "image/jpeg")] * 11)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_files")
    keys = {"files": [{"key": staged_key("user-1", new_id(), "jpg")}] * 11}
    answer = await api.client.post("/api/media/bulk", json=keys, headers=api.as_user())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_files")
    assert api.stored_files() == []


async def test_a_bulk_that_is_too_large_is_refused_before_it_comes(api: Api) -> None:
    """The size that the head announces is enough to say no."""
    limit = api.parts.limits.max_bulk_bytes
    status, problem = await api.raw(api.head(length=limit + 1, path="/api/media/bulk"))
    assert (status, problem["code"]) == (413, "body_too_large")
    assert "10000 MB" in str(problem["detail"])


async def test_a_repeated_bulk_is_one_bulk(api: Api) -> None:
    """The same request with the same key names the same jobs."""
    files = [("a.jpg", api.photo, "image/jpeg"), ("b.jpg", api.photo, "image/jpeg")]
    first = await _post(api, *files, Idempotency_Key="bulk-1")
    second = await _post(api, *files, Idempotency_Key="bulk-1")
    assert first.json() == second.json()
    assert len(api.stored_files()) == 2


async def test_a_repetition_goes_by_the_places_of_files(api: Api) -> None:
    """A file that is refused when it comes again does not make others of those behind it."""
    good = [("b.jpg", api.photo, "image/jpeg"), ("c.jpg", api.photo, "image/jpeg")]
    first = await _post(api, ("a.jpg", api.photo, "image/jpeg"), *good, Idempotency_Key="bulk-2")
    second = await _post(api, ("a.jpg", b"", "image/jpeg"), *good, Idempotency_Key="bulk-2")
    assert second.json()["jobs"] == first.json()["jobs"][1:]
    assert [refused["index"] for refused in second.json()["rejected"]] == [0]
    assert len(api.stored_files()) == 3


async def test_a_key_serves_one_bulk(api: Api) -> None:
    """The same key with another file in a place is a conflict, and leaves no bytes behind."""
    await _post(api, ("a.jpg", api.photo, "image/jpeg"), Idempotency_Key="bulk-3")
    other = await _post(api, ("b.jpg", api.photo, "image/jpeg"), Idempotency_Key="bulk-3")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert len(api.stored_files()) == 1


async def _stage(api: Api, content: bytes, user_id: str = "user-1") -> str:
    key = staged_key(user_id, new_id(), "jpg")
    file = api.parts.store.new_file()
    file.write(content)
    await api.parts.store.commit_file(file, key)
    return key


async def test_staged_bytes_are_taken_over(api: Api) -> None:
    """Keys of the caller's own staged bytes become uploads, each once, and repeating is safe."""
    key = await _stage(api, api.photo)
    mine = {"key": key, "fileName": "mine.jpg"}
    request = {"files": [mine, mine], "entityType": "listing"}
    headers = api.as_user() | {"Idempotency-Key": "keys-1"}
    first = await api.client.post("/api/media/bulk", json=request, headers=headers)
    assert [(job["filename"], job["index"]) for job in first.json()["jobs"]] == [("mine.jpg", 0)]
    assert [(file["code"], file["index"]) for file in first.json()["rejected"]] == [("already_used", 1)]
    again = await api.client.post("/api/media/bulk", json=request, headers=headers)
    assert again.json() == first.json()
    other = await api.client.post("/api/media/bulk", json=request, headers=api.as_user())
    assert [refused["code"] for refused in other.json()["rejected"]] == ["already_used"] * 2
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
