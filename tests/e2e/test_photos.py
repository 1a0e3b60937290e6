"""A hundred photos of many kinds go in; what comes out is right in size, orientation, colour and format."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image

from mediamill_client import Job, Media, MediamillClient, RefusedError
from mediamill_testing.photos import Photo, PhotoCorpus
from mediamill_testing.system import MediamillSystem

COUNT = 100
PARALLEL = 8
FORMATS = {"image/webp": "WEBP", "image/jpeg": "JPEG", "image/png": "PNG"}


@pytest.fixture
async def browser(client: MediamillClient) -> AsyncIterator[httpx.AsyncClient]:
    """Give somebody who opens the addresses and never signed in."""
    async with httpx.AsyncClient(base_url=client.absolute("/")) as browser:
        yield browser


async def test_every_photo_becomes_ready_and_looks_right(
    client: MediamillClient, browser: httpx.AsyncClient, photo_corpus: PhotoCorpus
) -> None:
    """Each of a hundred photos ends READY, and each variant shows it upright, whole and in its colours."""
    photos = photo_corpus.photos(COUNT)
    assert len(photos) == COUNT
    gate = asyncio.Semaphore(PARALLEL)

    async def check(photo: Photo) -> list[str]:
        async with gate:
            accepted = await client.upload(photo.path)
            job = await client.wait_for(accepted.job_id, seconds=240)
            if not job.succeeded:
                return [f"{photo.name}: {job.status} {job.error}"]
            media = await client.media(accepted.media_id)
            return [f"{photo.name}: {problem}" for problem in await _problems(browser, photo, media)]

    problems = [problem for found in await asyncio.gather(*map(check, photos)) for problem in found]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", PhotoCorpus.hostile_names)
async def test_a_bad_file_is_refused_with_its_code(
    client: MediamillClient, photo_corpus: PhotoCorpus, name: str
) -> None:
    """A file that must not be accepted is refused at once, or its job fails, with one stable code."""
    hostile = photo_corpus.hostile(name)
    assert await _verdict(client, photo_corpus, name) == hostile.code


async def test_good_photos_beside_bad_files_finish(
    client: MediamillClient, photo_corpus: PhotoCorpus
) -> None:
    """Bad files that are processed at the same time take nothing from the good ones."""
    good = photo_corpus.thumbnails(10)
    bad = [name for name in photo_corpus.hostile_names if _refused_late(photo_corpus, name)]
    jobs, _ = await asyncio.gather(
        asyncio.gather(*(_upload_and_wait(client, photo) for photo in good)),
        asyncio.gather(*(_verdict(client, photo_corpus, name) for name in bad)),
    )
    assert [job.status for job in jobs] == ["completed"] * len(good)


async def test_a_large_picture_becomes_ready(client: MediamillClient, photo_corpus: PhotoCorpus) -> None:
    """A picture of 100 megapixels, the most that is accepted, is processed like any other."""
    job = await _upload_and_wait(client, photo_corpus.photo("huge_100_megapixels.png").path)
    assert (job.status, job.error) == ("completed", None)


async def test_nothing_but_known_objects_is_stored(system: MediamillSystem, client: MediamillClient) -> None:
    """After all that, the storage holds permanent objects and quarantine, and nothing under `temp/`."""
    assert {key.split("/")[0] for key in system.stored_keys()} <= {"permanent", "failed"}


async def _problems(browser: httpx.AsyncClient, photo: Photo, media: Media) -> list[str]:
    problems = []
    if media.status != "READY" or (media.width, media.height) != (photo.width, photo.height):
        problems.append(f"{media.status} {media.width}x{media.height}, not {photo.width}x{photo.height}")
    if not media.thumbhash or not media.dominant_color or not media.variants:
        problems.append("no placeholder or no variants")
    for variant in media.variants:
        answer = await browser.get(variant.url)
        picture = Image.open(BytesIO(answer.content))
        if answer.headers["content-type"] != variant.media_type:
            problems.append(f"{variant.name} is served as {answer.headers['content-type']}")
        if picture.format != FORMATS[variant.media_type or ""]:
            problems.append(f"{variant.name} is {picture.format}, not {variant.media_type}")
        if picture.size != (variant.width, variant.height):
            problems.append(f"{variant.name} is {picture.size}, not what its record says")
        if not _same_shape(picture.size, (photo.width, photo.height)):
            problems.append(f"{variant.name} of {picture.size} is distorted or enlarged")
        if picture.getexif() or picture.info.get("xmp"):
            problems.append(f"{variant.name} carries metadata")
        if not photo.looks_like(picture):
            problems.append(f"{variant.name} does not look like the photo")
    return problems


def _same_shape(size: tuple[int, int], original: tuple[int, int]) -> bool:
    """Tell whether `size` is `original`, or that made smaller with its proportions, to a rounded pixel."""
    scale = max(size) / max(original)
    return scale <= 1 and all(abs(a - max(1, b * scale)) <= 1 for a, b in zip(size, original, strict=True))


async def _upload_and_wait(client: MediamillClient, photo: Path) -> Job:
    accepted = await client.upload(photo)
    return await client.wait_for(accepted.job_id, seconds=240)


async def _verdict(client: MediamillClient, photo_corpus: PhotoCorpus, name: str) -> str:
    hostile = photo_corpus.hostile(name)
    try:
        accepted = await client.upload(hostile.path, name=hostile.file_name, media_type=hostile.declared_type)
    except RefusedError as refused:
        return refused.code
    job = await client.wait_for(accepted.job_id, seconds=240)
    return job.error.code if job.error else job.status


def _refused_late(photo_corpus: PhotoCorpus, name: str) -> bool:
    return photo_corpus.hostile(name).refused_by == "processing"
