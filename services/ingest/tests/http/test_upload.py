"""Uploading one picture: what is promised, and what is refused."""

import asyncio
import hashlib
import unicodedata

import pytest

from mediamill_testing.photos import HOSTILE_FILE_NAMES, PhotoCorpus
from mediamill_testing.waiting import eventually

from .conftest import Api, file_part, read_answer

REFUSED_AT_UPLOAD = [
    "empty",
    "too_large",
    "elf",
    "windows_program",
    "png_declared_jpeg",
    "html",
    "svg_declared",
    "zip",
    "gif_script",
    "jpeg_then_html",
    "cut_jpeg",
    "cut_png",
]


async def test_an_upload_is_promised_and_safe(api: Api) -> None:
    """A picture is answered with 202, its bytes are stored, and its record says what it is."""
    fields = {"entityType": "listing", "entityId": "42", "alt": "A cup", "title": "Cup"}
    answer = await api.upload(name="my cup.jpg", fields=fields)
    assert answer.status_code == 202
    body = answer.json()
    assert (body["success"], body["status"]) == (True, "processing")
    assert answer.headers["location"] == f"/api/media/jobs/{body['jobId']}"
    medium = (await api.client.get(f"/api/media/{body['mediaId']}", headers=api.as_user())).json()
    assert medium["status"] == "CONFIRMED"
    assert (medium["fileName"], medium["mediaType"], medium["sizeBytes"]) == (
        "my cup.jpg",
        "image/jpeg",
        len(api.photo),
    )
    assert medium["sha256"] == hashlib.sha256(api.photo).hexdigest()
    assert {name: medium[name] for name in fields} == fields
    (stored,) = api.stored_files()
    assert stored.startswith("temp/user-1/")
    assert (api.root / stored).read_bytes() == api.photo


async def test_the_admin_path_takes_uploads_too(api: Api) -> None:
    """Both paths of the upload do the same."""
    files = {"file": ("photo.jpg", api.photo, "image/jpeg")}
    answer = await api.client.post("/api/admin/media", files=files, headers=api.as_user())
    assert answer.status_code == 202


@pytest.mark.parametrize("name", REFUSED_AT_UPLOAD)
async def test_bad_files_are_refused(api: Api, photo_corpus: PhotoCorpus, name: str) -> None:
    """A bad file gets its stable code in a problem document, and nothing of it is kept."""
    hostile = photo_corpus.hostile(name)
    answer = await api.upload(
        content=hostile.path.read_bytes(), name=hostile.file_name, declared=hostile.declared_type
    )
    problem = answer.json()
    assert problem["code"] == hostile.code
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code", "traceId"} <= problem.keys()
    assert api.stored_files() == []
    assert await api.open_jobs() == 0
    assert (await api.upload()).status_code == 202


async def test_a_refusal_does_not_wait_for_the_rest(api: Api) -> None:
    """A program that is called a picture is refused while most of it is still to come."""
    part = file_part(b"\x7fELF" + bytes(2_000))
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(api.head(length=5_000_000) + part)
    status, problem = await read_answer(reader)
    assert (status, problem["code"]) == (400, "executable_content")
    writer.close()
    assert api.stored_files() == []


@pytest.mark.parametrize("given", HOSTILE_FILE_NAMES)
async def test_names_are_text(api: Api, given: str) -> None:
    """A hostile file name is kept as harmless text, never as a path or a header."""
    answer = await api.upload(name=given)
    assert answer.status_code == 202
    medium = (await api.client.get(f"/api/media/{answer.json()['mediaId']}", headers=api.as_user())).json()
    kept = medium["fileName"]
    assert 0 < len(kept) <= 255
    assert kept == unicodedata.normalize("NFC", kept)
    assert not {"/", "\\", "\0", "\r", "\n", "\u202e"} & set(kept)
    (stored,) = api.stored_files()
    assert stored.startswith("temp/user-1/")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"entityType": "No Such Type!"}, "entityType"),
        ({"title": "x" * 256}, "title"),
        ({"alt": "x" * 2_001}, "alt"),
    ],
)
async def test_bad_fields_are_named(api: Api, fields: dict[str, str], name: str) -> None:
    """A field that is not valid is named, and the file that came with it is not kept."""
    answer = await api.upload(fields=fields)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_field")
    assert name in answer.json()["detail"]
    assert api.stored_files() == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"no form at all, but long enough to be one", 400, "malformed_multipart"),
        (file_part(b"\xff\xd8\xff cut off"), 400, "malformed_multipart"),
        (
            b"--frontier\r\nContent-Disposition: form-data\r\n\r\nx\r\n--frontier--\r\n",
            400,
            "malformed_multipart",
        ),
        (
            b'--frontier\r\nContent-Disposition: form-data; name="alt"\r\n\r\n\xff\xfe\r\n--frontier--\r\n',
            400,
            "malformed_multipart",
        ),
        (
            b'--frontier\r\nContent-Disposition: form-data; name="alt"\r\n\r\nx\r\n--frontier--\r\n',
            400,
            "missing_file",
        ),
        (file_part(b"x", field_name="other") + b"\r\n--frontier--\r\n", 400, "unexpected_file"),
        (file_part(b"x") + b"\r\n" + file_part(b"y") + b"\r\n--frontier--\r\n", 400, "too_many_files"),
        (
            b'--frontier\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
            + b"x" * 10_000
            + b"\r\n--frontier--\r\n",
            413,
            "form_too_large",
        ),
        (b"--frontier\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n", 413, "form_too_large"),
        (
            b'--frontier\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 30 + b"--frontier--\r\n",
            413,
            "form_too_large",
        ),
    ],
)
async def test_broken_forms_are_refused(api: Api, body: bytes, status: int, code: str) -> None:
    """A form that is broken, or too big where it should be small, is refused and leaves nothing."""
    answered, problem = await api.raw(api.head(length=len(body)) + body)
    assert (answered, problem["code"]) == (status, code)
    assert api.stored_files() == []
    assert await api.open_jobs() == 0


async def test_other_bodies_are_refused(api: Api) -> None:
    """JSON, a form without a boundary, and a body announced too large are refused unread."""
    answer = await api.client.post("/api/media", json={}, headers=api.as_user())
    assert (answer.status_code, answer.json()["code"]) == (415, "not_multipart")
    headers = api.as_user() | {"Content-Type": "multipart/form-data"}
    answer = await api.client.post("/api/media", content=b"x", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_multipart")
    status, problem = await api.raw(api.head(length=10**9))
    assert (status, problem["code"]) == (413, "body_too_large")


async def test_a_slow_body_is_given_up(api: Api) -> None:
    """A client that stops sending is told so, and what it sent is not kept."""
    api.lose_patience()
    status, problem = await api.raw(api.head(length=100_000) + file_part(api.photo[:20_000]))
    assert (status, problem["code"]) == (408, "slow_body")
    assert api.stored_files() == []


async def test_a_dripping_body_is_given_up(api: Api) -> None:
    """A client that sends just enough to seem alive is given up as well; others are served meanwhile."""
    api.lose_patience()
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(api.head(length=100_000) + file_part(api.photo[:1_000]))

    async def drip() -> None:
        for byte in api.photo[1_000:]:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.1)

    dripping = asyncio.create_task(drip())
    assert (await api.upload()).status_code == 202
    status, problem = await read_answer(reader)
    assert (status, problem["code"]) == (408, "slow_body")
    dripping.cancel()
    writer.close()
    assert len(api.stored_files()) == 1


async def test_a_client_that_goes_away_leaves_nothing(api: Api) -> None:
    """When the connection is lost in the middle, nothing is stored and nothing is promised."""
    _, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(api.head(length=100_000) + file_part(api.photo[:20_000]))
    await writer.drain()
    await eventually(lambda: len(api.stored_files()) == 1)
    writer.transport.abort()
    await eventually(lambda: api.stored_files() == [])
    assert await api.open_jobs() == 0


async def test_many_at_once_are_all_taken(api: Api) -> None:
    """Good and bad uploads side by side do not disturb each other."""
    good = [api.upload(user_id=f"user-{number}") for number in range(20)]
    bad = [api.upload(content=b"#!/bin/sh\n") for _ in range(20)]
    answers = await asyncio.gather(*good, *bad)
    assert [answer.status_code for answer in answers] == [202] * 20 + [400] * 20
    assert len(api.stored_files()) == 20
    assert await api.open_jobs() == 20
