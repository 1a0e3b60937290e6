"""Videos through the whole system: ready with poster, cancelled at once, finished once whoever dies."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from mediamill_client import MediamillClient
from mediamill_database import Database
from mediamill_processor.video.binary import find_ffmpeg
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.processes import running_programs
from mediamill_testing.system import MediamillSystem
from mediamill_testing.videos import VideoKit
from mediamill_testing.waiting import eventually

SECONDS = 240.0
UNRELATED_SECONDS = 3.0
"""What twenty pictures may take longer on a machine that does other things as well."""
CANCEL_SECONDS = 2.0
"""What is promised to who cancels."""


@pytest.fixture(scope="module")
def kit() -> VideoKit:
    """Give what makes videos."""
    return VideoKit(find_ffmpeg())


@pytest.fixture(scope="module")
def long_video(kit: VideoKit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a video that takes a while to transcode."""
    return kit.make(tmp_path_factory.mktemp("videos") / "long.mp4", size="854x480", seconds=6, rate=25)


def transcodes(system: MediamillSystem) -> list[int]:
    """Return the ffmpeg processes that work for this system."""
    return running_programs("ffmpeg", str(system.storage))


async def test_video_becomes_ready_with_its_poster(
    system: MediamillSystem, client: MediamillClient, kit: VideoKit, tmp_path: Path
) -> None:
    """There is an MP4 to play and posters in JPEG and WebP to show, and length and sound are known."""
    accepted = await client.upload(kit.make(tmp_path / "clip.mov", size="640x360", seconds=3))
    job = await client.wait_for(accepted.job_id, seconds=SECONDS)
    assert job.status == "completed", job.error
    async with httpx.AsyncClient(base_url=system.ingest.url) as browser:
        medium = await client.media(accepted.media_id)
        assert (medium.kind, medium.has_audio) == ("video", True)
        assert abs((medium.duration_ms or 0) - 3000) < 300
        assert (medium.width, medium.height) == (640, 360)
        answers = {name: await browser.get(url) for name, url in medium.urls.items()}
        part = await browser.get(medium.urls["video"], headers={"Range": "bytes=0-99"})
    types = {name: answer.headers["content-type"] for name, answer in answers.items()}
    assert types == {
        "video": "video/mp4",
        "poster": "image/jpeg",
        "poster_webp": "image/webp",
        "thumb": "image/jpeg",
    }
    assert (part.status_code, len(part.content)) == (206, 100)


async def test_cancelled_video_stops_its_transcode(
    system: MediamillSystem, client: MediamillClient, long_video: Path
) -> None:
    """Who cancels does not pay on: ffmpeg is gone within two seconds, and soon every file of the upload."""
    before = system.stored_keys()
    accepted = await client.upload(long_video)
    await eventually(lambda: bool(transcodes(system)))
    await client.cancel(accepted.job_id)
    await eventually(lambda: not transcodes(system), CANCEL_SECONDS)
    await eventually(lambda: system.stored_keys() == before)
    assert (await client.job(accepted.job_id)).status == "cancelled"


async def test_video_is_finished_once_when_its_worker_is_killed(
    system: MediamillSystem, client: MediamillClient, database: Database, long_video: Path
) -> None:
    """A processor that is killed amid a transcode leaves no ffmpeg behind, and the next one finishes it."""
    accepted = await client.upload(long_video)
    await eventually(lambda: bool(transcodes(system)))
    system.processor.kill()
    await eventually(lambda: not transcodes(system))
    await asyncio.to_thread(system.processor.start)
    job = await client.wait_for(accepted.job_id, seconds=SECONDS)
    assert job.status == "completed", job.error
    async with database.read() as session:
        ready = await session.execute(
            text("SELECT count(*) FROM media_event WHERE name = 'media.ready' AND job_id = :job"),
            {"job": accepted.job_id},
        )
        assert ready.scalar_one() == 1


async def test_pictures_do_not_wait_for_hostile_videos(
    client: MediamillClient, kit: VideoKit, photo_corpus: PhotoCorpus, tmp_path: Path
) -> None:
    """Five hostile videos get their codes, and twenty pictures behind them take no longer than alone."""
    photos = photo_corpus.thumbnails(20)

    async def twenty_pictures() -> float:
        began = time.monotonic()
        good = await asyncio.gather(*(client.upload(photo) for photo in photos))
        ends = await asyncio.gather(*(client.wait_for(each.job_id, seconds=SECONDS) for each in good))
        assert {job.status for job in ends} == {"completed"}
        return time.monotonic() - began

    normal = await twenty_pictures()
    garbled = kit.garbled(tmp_path / "garbled.mp4")
    sound = kit.sound_only(tmp_path / "sound.mp4")
    hostile = [await client.upload(path) for path in (garbled, sound, garbled, sound, sound)]
    behind = await twenty_pictures()
    assert behind < 2 * normal + UNRELATED_SECONDS
    refused = await asyncio.gather(*(client.wait_for(each.job_id, seconds=SECONDS) for each in hostile))
    assert {job.status for job in refused} == {"failed"}
    codes = {job.error.code for job in refused if job.error is not None}
    assert codes == {"corrupt", "no_video"}
