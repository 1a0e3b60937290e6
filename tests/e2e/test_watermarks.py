"""Watermarks with separate processes: drawn at upload, put on many media at once, and taken off again."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from mediamill_client import Media, MediamillClient
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.system import ADMIN_EMAIL, ADMIN_PASSWORD, MediamillSystem, ServiceProcess
from mediamill_testing.waiting import eventually

COUNT = 4
WATERMARKS = "/api/admin/media/watermarks"
MARK = {"text": "© <b>Studio</b> & Söhne", "position": "tiled", "opacity": 0.8}


@pytest.fixture(scope="module")
def console(system: MediamillSystem) -> Iterator[ServiceProcess]:
    """Run the console as a process of its own."""
    console = ServiceProcess("console", system.control_environment, scratch=system.scratch)
    try:
        yield console.start()
    finally:
        console.close()


@pytest.fixture
async def operator(system: MediamillSystem, console: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    """Sign a superadmin in to the console."""
    login = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    async with httpx.AsyncClient(base_url=console.url, timeout=60) as http:
        answer = await http.post(f"{system.ingest.url}/api/auth/login", json=login)
        http.headers["Authorization"] = f"Bearer {answer.json()['accessToken']}"
        yield http


async def test_many_media_are_marked_and_freed_again(
    client: MediamillClient, operator: httpx.AsyncClient, photo_corpus: PhotoCorpus
) -> None:
    """Each medium gets other bytes at another address, and after removal exactly those it had before."""
    photos = photo_corpus.thumbnails(COUNT)
    jobs = await asyncio.gather(*(client.upload(photo) for photo in photos))
    done = await client.wait_for_all([job.job_id for job in jobs], seconds=240)
    assert all(job.succeeded for job in done)
    ids = [str(job.media_id) for job in jobs]
    plain, originals = await _contents(client, ids), await _originals(client, operator, ids)

    stranger = str(uuid4())
    marked_job = await _run(operator, WATERMARKS, MARK | {"mediaIds": [*ids, stranger]})
    assert (marked_job["done"], marked_job["failed"]) == (COUNT, 1)
    assert [each["code"] for each in marked_job["childJobs"] if each["mediaId"] == stranger] == ["not_found"]
    marked = await _contents(client, ids)
    for media_id in ids:
        assert plain[media_id].keys() == marked[media_id].keys()
        assert all(plain[media_id][name] != content for name, content in marked[media_id].items())
        shown = await _shown(client, operator, media_id)
        assert shown["watermarked"] is True
        assert all(variant["url"].endswith("?v=1") for variant in shown["variants"])

    removed_job = await _run(operator, f"{WATERMARKS}/remove", {"mediaIds": ids})
    assert (removed_job["status"], removed_job["done"]) == ("completed", COUNT)
    assert await _contents(client, ids) == plain
    assert await _originals(client, operator, ids) == originals
    names = [entry["name"] for entry in await _timeline(client, operator, ids[0])]
    assert names.count("watermark.applied") == 2


async def test_an_entity_type_with_a_mark_gets_it_at_upload(
    client: MediamillClient, operator: httpx.AsyncClient, photo_corpus: PhotoCorpus
) -> None:
    """The mark is a picture of the operator's; only the chosen variant carries it, the original does not."""
    photo = photo_corpus.photo("jpeg_baseline.jpg")
    logo = await client.upload(photo_corpus.photo("png_alpha.png").path)
    assert (await client.wait_for(logo.job_id, seconds=60)).succeeded
    mark = {"imageId": str(logo.media_id), "position": "center", "opacity": 1, "variants": ["large"]}
    settings = {"entityTypes": {"listing": {"watermark": mark}}}
    (await operator.put("/api/admin/media/settings", json=settings)).raise_for_status()

    async def marked_upload() -> dict[str, Any]:
        accepted = await client.upload(photo.path, entity_type="listing")
        assert (await client.wait_for(accepted.job_id, seconds=60)).succeeded
        shown = await _shown(client, operator, str(accepted.media_id))
        assert shown["watermarked"], "the settings are not in force yet"
        return shown

    shown: dict[str, Any] = await eventually(marked_upload, 30)
    assert [variant["name"] for variant in shown["variants"] if variant["watermarked"]] == ["large"]
    assert (await _originals(client, operator, [shown["id"]]))[shown["id"]] == photo.path.read_bytes()


async def test_only_superadmins_mark(system: MediamillSystem, operator: httpx.AsyncClient) -> None:
    """Who is not signed in is refused, and a contradictory wish is too."""
    async with httpx.AsyncClient(base_url=operator.base_url) as nobody:
        assert (await nobody.post(WATERMARKS, json=MARK | {"filter": {}})).status_code == 401
    for wish in (MARK, MARK | {"filter": {}, "image": str(uuid4())}, MARK | {"filter": {}, "opacity": 2}):
        assert (await operator.post(WATERMARKS, json=wish)).status_code == 422
    answer = await operator.post(WATERMARKS, json={"filter": {}, "image": str(uuid4())})
    assert answer.json()["code"] == "mark_not_usable"


async def _run(operator: httpx.AsyncClient, path: str, wish: dict[str, Any]) -> dict[str, Any]:
    """Ask for a job, twice with the same key, and wait until it has ended."""
    key = {"Idempotency-Key": str(uuid4())}
    first, again = [await operator.post(path, json=wish, headers=key) for _ in range(2)]
    assert (first.status_code, again.json()["id"]) == (202, first.json()["id"])

    async def ended() -> dict[str, Any]:
        job: dict[str, Any] = (await operator.get(first.headers["location"])).json()
        assert job["finishedAt"] is not None
        return job

    job: dict[str, Any] = await eventually(ended, 120)
    assert job["progress"] == 100
    return job


async def _shown(client: MediamillClient, operator: httpx.AsyncClient, media_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await operator.get(client.absolute(f"/api/media/{media_id}"))).json()
    return shown


async def _timeline(client: MediamillClient, operator: httpx.AsyncClient, media_id: str) -> list[Any]:
    entries: list[Any] = (await operator.get(client.absolute(f"/api/media/{media_id}/timeline"))).json()[
        "items"
    ]
    return entries


async def _contents(client: MediamillClient, ids: list[str]) -> dict[str, dict[str, bytes]]:
    """Return the bytes of every variant of every medium, from the addresses that are shown now."""
    async with httpx.AsyncClient() as http:

        async def of_medium(media: Media) -> dict[str, bytes]:
            answers = {each.name: await http.get(client.absolute(each.url)) for each in media.variants}
            return {name: answer.raise_for_status().content for name, answer in answers.items()}

        return {media_id: await of_medium(await client.media(UUID(media_id))) for media_id in ids}


async def _originals(
    client: MediamillClient, operator: httpx.AsyncClient, ids: list[str]
) -> dict[str, bytes]:
    answers = {each: await operator.get(client.absolute(f"/media/{each}/original")) for each in ids}
    return {media_id: answer.raise_for_status().content for media_id, answer in answers.items()}
