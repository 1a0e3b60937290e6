"""What becomes of videos, good and hostile, in the hands of a real ffmpeg."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import av
import pytest

from mediamill_contracts.recipe import Rendition, VideoLimits, VideoRecipe
from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.video.binary import find_ffmpeg
from mediamill_processor.video.ffmpeg import Ffmpeg, FfmpegFailedError, FfmpegLimits
from mediamill_processor.video.files import Transcoding
from mediamill_processor.video.transcoder import VideoTranscoder
from mediamill_testing import videos
from mediamill_testing.processes import running_programs
from mediamill_testing.videos import VideoKit
from mediamill_testing.waiting import eventually

LIMITS = FfmpegLimits(
    cpu_seconds=120,
    wall_seconds=120,
    memory_bytes=1_500_000_000,
    file_bytes=100_000_000,
    niceness=0,
    threads=2,
)
RECIPE = VideoRecipe(renditions=(Rendition(name="video", max_short_side=720, preset="ultrafast"),))


@pytest.fixture(scope="module")
def kit() -> VideoKit:
    """Give what makes videos."""
    return VideoKit(find_ffmpeg())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a store's root."""
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def transcoder(root: Path) -> Iterator[VideoTranscoder]:
    """Give a started transcoder; afterwards nothing of any job is left."""
    transcoder = VideoTranscoder(Ffmpeg(find_ffmpeg(), LIMITS), root)
    transcoder.start()
    yield transcoder
    left = [path for path in (root / ".scratch").rglob("*") if path.is_file()]
    transcoder.stop()
    assert left == []


async def transcode(
    transcoder: VideoTranscoder, source: Path, recipe: VideoRecipe = RECIPE, media_type: str = "video/mp4"
) -> AsyncIterator[Transcoding]:
    """Yield the transcoding, while its files are there."""
    async with transcoder.transcode(source, media_type, recipe, on_share=lambda _: None) as made:
        yield made


async def refusal(
    transcoder: VideoTranscoder, source: Path, recipe: VideoRecipe = RECIPE, media_type: str = "video/mp4"
) -> str:
    """Return the code that the file is refused with."""
    with pytest.raises(UnacceptableFileError) as refused:
        async for _ in transcode(transcoder, source, recipe, media_type):
            pass
    return refused.value.code


async def test_video_becomes_h264_and_aac_that_starts_at_once(
    kit: VideoKit, root: Path, transcoder: VideoTranscoder
) -> None:
    """H.264 4:2:0 and AAC, the index before the data, and no word of where it was filmed."""
    source = kit.make(root / "in.mp4", extra=("-metadata", "location=+52.5-013.4/"))
    async for made in transcode(transcoder, source):
        [file] = made.files
        assert (file.width, file.height) == (320, 240)
        assert abs(file.duration_ms - 2000) < 200
        data = file.path.read_bytes()
        assert data.index(b"moov") < data.index(b"mdat")
        assert b"+52.5" not in data
        with av.open(str(file.path)) as container:
            assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
            assert container.streams.video[0].codec_context.name == "h264"
            assert container.streams.audio[0].codec_context.name == "aac"
        assert made.facts.audio_codec == "aac"


async def test_all_renditions_and_playlists_come_from_one_run(
    kit: VideoKit, root: Path, transcoder: VideoTranscoder
) -> None:
    """Two sizes and HLS: the playlists name their parts as they are served, and the parts are there."""
    source = kit.make(root / "in.mp4", size="640x360", seconds=5)
    sizes = (
        Rendition(name="video", preset="ultrafast"),
        Rendition(name="small", max_short_side=180, preset="ultrafast"),
    )
    async for made in transcode(transcoder, source, VideoRecipe(renditions=sizes, hls=True)):
        files = {file.name: file for file in made.files}
        assert (files["video"].height, files["small"].height) == (360, 180)
        assert "hls_small" in files["hls"].path.read_text().splitlines()
        playlist = files["hls_small"].path.read_text()
        assert 'URI="hls_small_data"' in playlist
        assert playlist.count("#EXTINF") == 2
        assert files["hls_small_data"].path.stat().st_size > 1000


async def test_poster_is_the_first_picture_that_is_not_black(
    kit: VideoKit, root: Path, transcoder: VideoTranscoder
) -> None:
    """A video that fades in does not get a black poster; an all black one gets one all the same."""
    fading = kit.make(root / "in.mp4", filters="drawbox=color=black:t=fill:enable='lt(t,1)'")
    async for made in transcode(transcoder, fading):
        assert brightness(made.poster) > 40
    black = kit.make(root / "black.mp4", filters="drawbox=color=black:t=fill")
    async for made in transcode(transcoder, black):
        assert brightness(made.poster) < 20


async def test_sideways_video_stands_up(kit: VideoKit, root: Path, transcoder: VideoTranscoder) -> None:
    """The rotation that a phone noted is applied to the pixels."""
    source = kit.sideways(root / "in.mp4")
    async for made in transcode(transcoder, source):
        assert (made.files[0].width, made.files[0].height) == (240, 320)


@pytest.mark.parametrize(
    ("size", "filters", "expected"),
    [
        ("321x241", "null", (320, 240)),
        ("320x240", "setsar=2", (640, 240)),
        ("1920x1080", "null", (1280, 720)),
        ("16x16", "null", (16, 16)),
    ],
    ids=["odd sides", "oblong pixels", "larger than asked", "tiny"],
)
async def test_sizes_are_even_square_and_bounded(
    kit: VideoKit, root: Path, transcoder: VideoTranscoder, size: str, filters: str, expected: tuple[int, int]
) -> None:
    """Whatever comes, what goes out has even sides, square pixels and at most the size asked for."""
    lossless = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p")
    source = kit.make(root / "in.mp4", size=size, filters=filters, seconds=0.5, codec=lossless)
    async for made in transcode(transcoder, source):
        assert (made.files[0].width, made.files[0].height) == expected


@pytest.mark.parametrize("kind", ["ten bits", "no sound", "changing rate", "quicktime", "webm"])
async def test_uncommon_videos_play(
    kit: VideoKit, root: Path, transcoder: VideoTranscoder, kind: str
) -> None:
    """Ten bits a colour, silence, an uneven rate and other containers become the same ordinary MP4."""
    media_type = "video/mp4"
    match kind:
        case "ten bits":
            source = kit.make(root / "in.mp4", codec=("-c:v", "libx264", "-pix_fmt", "yuv420p10le"))
        case "no sound":
            source = kit.make(root / "in.mp4", audio=False)
        case "changing rate":
            source = kit.changing_rate(root / "in.mp4")
        case "quicktime":
            source, media_type = kit.make(root / "in.mov"), "video/quicktime"
        case _:
            vp8 = ("-c:v", "libvpx", "-b:v", "500k", "-c:a", "libopus")
            source, media_type = kit.make(root / "in.webm", codec=vp8), "video/webm"
    async for made in transcode(transcoder, source, media_type=media_type):
        assert abs(made.files[0].duration_ms - 2000) < 300
        with av.open(str(made.files[0].path)) as container:
            assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"


async def test_files_that_are_no_videos_are_refused(
    kit: VideoKit, root: Path, transcoder: VideoTranscoder, tmp_path: Path
) -> None:
    """A playlist, a script, subtitles, sound and noise each get a code, and no other file is read."""
    secret = kit.make(tmp_path / "secret.mp4")
    assert await refusal(transcoder, videos.playlist(root / "a.mp4", secret)) == "corrupt"
    assert await refusal(transcoder, videos.concat_script(root / "b.mp4", secret)) == "corrupt"
    assert await refusal(transcoder, videos.subtitles(root / "c.mp4")) == "corrupt"
    assert await refusal(transcoder, kit.sound_only(root / "d.mp4")) == "no_video"
    (root / "e.mp4").write_bytes(os.urandom(100_000))
    assert await refusal(transcoder, root / "e.mp4") == "corrupt"


async def test_truncated_video_is_refused(kit: VideoKit, root: Path, transcoder: VideoTranscoder) -> None:
    """A file that claims more than it holds is no success."""
    assert await refusal(transcoder, kit.truncated(root / "in.mp4")) in {"truncated", "corrupt"}


async def test_limits_are_looked_at_before_transcoding(
    kit: VideoKit, root: Path, transcoder: VideoTranscoder
) -> None:
    """Too long, too large and too fast each have their code."""
    source = kit.make(root / "in.mp4", seconds=3)
    for limits, code in (
        (VideoLimits(max_seconds=2), "too_long"),
        (VideoLimits(max_pixels=320 * 239), "too_many_pixels"),
        (VideoLimits(max_frames_per_second=10), "too_many_frames"),
    ):
        recipe = RECIPE.model_copy(update={"limits": limits})
        assert await refusal(transcoder, source, recipe) == code


async def test_cancelled_transcode_leaves_no_process(
    kit: VideoKit, root: Path, transcoder: VideoTranscoder
) -> None:
    """When the caller is cancelled, ffmpeg is gone with its children and files."""
    source = kit.make(root / "in.mp4", size="1280x720", seconds=20)
    slow = VideoRecipe(renditions=(Rendition(name="video", preset="slow"),))

    async def work() -> None:
        async for _ in transcode(transcoder, source, slow):
            pass

    working = asyncio.create_task(work())
    await eventually(lambda: bool(running_programs("ffmpeg", str(root))), timeout=60)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert running_programs("ffmpeg", str(root)) == []


async def test_killed_ffmpeg_is_no_verdict(kit: VideoKit, root: Path, transcoder: VideoTranscoder) -> None:
    """The kernel or an operator killed it: the file is not to blame, the job will be tried again."""
    source = kit.make(root / "in.mp4", size="1280x720", seconds=20)
    slow = VideoRecipe(renditions=(Rendition(name="video", preset="slow"),))

    async def kill() -> None:
        await eventually(lambda: bool(running_programs("ffmpeg", str(root))), timeout=60)
        for pid in running_programs("ffmpeg", str(root)):
            os.kill(pid, 9)

    async def work() -> None:
        async for _ in transcode(transcoder, source, slow):
            pass

    with pytest.raises(FfmpegFailedError):
        await asyncio.gather(work(), kill())


def brightness(picture: Path) -> float:
    """Return the mean of all samples of a picture, 0 to 255."""
    with av.open(str(picture)) as container:
        frame = next(container.decode(video=0))
        return float(frame.to_ndarray(format="gray").mean())
