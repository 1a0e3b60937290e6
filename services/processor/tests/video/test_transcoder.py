"""What becomes of videos, good and hostile, in the hands of a real ffmpeg."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import pytest
from PIL import Image

from mediamill_contracts.recipe import ObjectRef, Rendition, VideoLimits, VideoRecipe, Watermark
from mediamill_messaging.errors import RetryLaterError
from mediamill_processor.pipeline.placement import Box
from mediamill_processor.pipeline.stamp import Stamp
from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.video.binary import filters_of, find_ffmpeg
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
_BT709 = 1
"""Code of ITU-T H.273."""
RECIPE = VideoRecipe(renditions=(Rendition(name="video", max_short_side=720, preset="ultrafast"),))


@pytest.fixture(scope="module")
def kit() -> VideoKit:
    """Give what makes videos."""
    return VideoKit(find_ffmpeg())


@pytest.fixture(scope="module")
def long_video(kit: VideoKit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a video of 40 seconds that keeps an encoder busy: one second of it, over and over."""
    folder = tmp_path_factory.mktemp("long")
    second = kit.make(folder / "second.mp4", size="1280x720", seconds=1, audio=False)
    kit.run("-stream_loop", "39", "-i", str(second), "-c", "copy", str(folder / "long.mp4"))
    return folder / "long.mp4"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a store's root."""
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def transcoder(root: Path) -> Iterator[VideoTranscoder]:
    """Give a started transcoder; afterwards nothing of any job is left."""
    program = find_ffmpeg()
    transcoder = VideoTranscoder(Ffmpeg(program, LIMITS, filters_of(program)), root)
    transcoder.start()
    yield transcoder
    left = [path for path in (root / ".scratch").rglob("*") if path.is_file()]
    transcoder.stop()
    assert left == []


async def transcode(
    transcoder: VideoTranscoder, source: Path, recipe: VideoRecipe = RECIPE, media_type: str = "video/mp4"
) -> AsyncIterator[Transcoding]:
    """Yield the transcoding, while its files are there."""
    async with transcoder.transcode(source, media_type, recipe, lane="bulk", on_share=lambda _: None) as made:
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


@pytest.mark.parametrize("kind", ["ten bits", "no sound", "changing rate", "no length", "quicktime", "webm"])
async def test_uncommon_videos_play(
    kit: VideoKit, root: Path, transcoder: VideoTranscoder, kind: str
) -> None:
    """Ten bits, silence, an uneven rate, no length in the headers, other containers: all become one kind."""
    media_type = "video/mp4"
    match kind:
        case "ten bits":
            source = kit.make(root / "in.mp4", codec=("-c:v", "libx264", "-pix_fmt", "yuv420p10le"))
        case "no sound":
            source = kit.make(root / "in.mp4", audio=False)
        case "changing rate":
            source = kit.changing_rate(root / "in.mp4")
        case "no length":
            source = kit.without_length(root / "in.mp4")
        case "quicktime":
            source, media_type = kit.make(root / "in.mov"), "video/quicktime"
        case _:
            vp8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")
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
    """Too long, too large, too fast and too oblong each have their code."""
    source = kit.make(root / "in.mp4", seconds=3)
    for limits, code in (
        (VideoLimits(max_seconds=2), "too_long"),
        (VideoLimits(max_pixels=320 * 239), "too_many_pixels"),
        (VideoLimits(max_frames_per_second=10), "too_many_frames"),
    ):
        recipe = RECIPE.model_copy(update={"limits": limits})
        assert await refusal(transcoder, source, recipe) == code
    vp9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p")
    oblong = kit.make(root / "in.webm", size="17000x16", seconds=0.1, audio=False, codec=vp9)
    assert await refusal(transcoder, oblong, media_type="video/webm") == "side_too_long"


async def test_cancelled_transcode_leaves_no_process(
    long_video: Path, root: Path, transcoder: VideoTranscoder
) -> None:
    """When the caller is cancelled, ffmpeg is gone with its children and files."""
    slow = VideoRecipe(renditions=(Rendition(name="video", preset="slow"),))

    async def work() -> None:
        async for _ in transcode(transcoder, long_video, slow):
            pass

    working = asyncio.create_task(work())
    await eventually(lambda: bool(running_programs("ffmpeg", str(root))), timeout=60)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert running_programs("ffmpeg", str(root)) == []


async def test_a_video_does_not_wait_for_a_seat_until_the_broker_gives_it_away(
    kit: VideoKit, root: Path
) -> None:
    """It goes back to its queue, which is no failure; and nobody is left who is given the seat."""
    program = find_ffmpeg()
    busy = VideoTranscoder(Ffmpeg(program, LIMITS), root, patience_seconds=0.1)
    busy.start()
    source = kit.make(root / "in.mp4", seconds=0.5)
    seat = await busy._seats.take("bulk")
    with pytest.raises(RetryLaterError) as later:
        async for _ in transcode(busy, source):
            pass
    assert not later.value.counts
    busy._seats.give_back(seat, "bulk")
    async for made in transcode(busy, source):
        assert made.files
    busy.stop()


async def test_all_steps_of_a_video_share_one_limit(
    kit: VideoKit, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What drags on after the transcode ends in time as well, with a code, and nobody waits for its seat."""
    program, begun = find_ffmpeg(), asyncio.Event()
    slow = VideoTranscoder(Ffmpeg(program, replace(LIMITS, wall_seconds=4)), root, patience_seconds=1)
    slow.start()

    async def poster(*_: object) -> Path:
        begun.set()
        return await asyncio.Future()

    monkeypatch.setattr(slow, "_poster", poster)
    assert await refusal(slow, kit.make(root / "in.mp4", seconds=0.5)) == "resource_limit"
    assert begun.is_set()
    await slow._seat("bulk")
    slow.stop()


async def test_killed_ffmpeg_is_no_verdict(long_video: Path, root: Path, transcoder: VideoTranscoder) -> None:
    """The kernel or an operator killed it: the file is not to blame, the job will be tried again."""
    slow = VideoRecipe(renditions=(Rendition(name="video", preset="slow"),))

    async def kill() -> None:
        await eventually(lambda: bool(running_programs("ffmpeg", str(root))), timeout=60)
        for pid in running_programs("ffmpeg", str(root)):
            os.kill(pid, 9)

    async def work() -> None:
        async for _ in transcode(transcoder, long_video, slow):
            pass

    with pytest.raises(FfmpegFailedError):
        await asyncio.gather(work(), kill())


def brightness(picture: Path) -> float:
    """Return the mean of all samples of a picture, 0 to 255."""
    with av.open(str(picture)) as container:
        frame = next(container.decode(video=0))
        return float(frame.to_ndarray(format="gray").mean())


@asynccontextmanager
async def red_layers(sizes: Mapping[str, Box]) -> AsyncIterator[Mapping[str, Path]]:
    """Draw a red block near the right lower corner, a quarter as wide as the picture; none for `small`."""
    with TemporaryDirectory() as folder:
        logo = Path(folder) / "logo.png"
        Image.new("RGB", (40, 20), (255, 0, 0)).save(logo)
        image = ObjectRef(
            key="logo.png", size_bytes=logo.stat().st_size, sha256="0" * 64, media_type="image/png"
        )
        stamp = Stamp(Watermark(image=image, opacity=1, scale=0.25, margin=10), logo)
        drawn = {name: Path(folder) / name for name in sizes if name != "small"}
        for name, path in drawn.items():
            stamp.write_layer(sizes[name], path)
        yield drawn


def pixels_of(video: Path) -> list[Any]:
    """Return every picture of a video or PNG as rows of RGB."""
    with av.open(str(video)) as container:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]


def is_red(pixels: Any) -> bool:
    """Whether these pixels are all of the mark, as far as a lossy codec leaves it."""
    return bool((pixels[..., 0] > 200).all() and (pixels[..., 1:] < 60).all())


async def test_a_mark_is_laid_over_the_chosen_renditions(
    kit: VideoKit, root: Path, transcoder: VideoTranscoder
) -> None:
    """Every picture of one shows it where it belongs and nowhere else; the other and the poster do not."""
    source = kit.make(root / "in.mp4", seconds=1, filters="drawbox=color=0x404040:t=fill")
    renditions = (*RECIPE.renditions, Rendition(name="small", max_short_side=144, preset="ultrafast"))
    recipe = VideoRecipe(renditions=renditions, hls=True)
    async with transcoder.transcode(
        source, "video/mp4", recipe, lane="interactive", on_share=lambda _: None, layers=red_layers
    ) as made:
        assert {file.name for file in made.files if file.watermarked} >= {"video", "hls_video_data"}
        files = {file.name: file for file in made.files}
        assert not files["small"].watermarked
        pictures = pixels_of(files["video"].path)
        assert len(pictures) == 15
        for picture in pictures:
            assert is_red(picture[194:226, 234:306])
            picture[188:232, 228:312] = 0x40
            assert abs(picture - 0x40).max() < 24
        for path in (files["small"].path, made.poster):
            assert all(abs(picture - 0x40).max() < 24 for picture in pixels_of(path))


async def test_no_picture_escapes_the_mark(kit: VideoKit, root: Path, transcoder: VideoTranscoder) -> None:
    """A source that changes its size half way is scaled to one size, and marked to the end."""
    source = kit.changing_size(root / "in.webm")
    async with transcoder.transcode(
        source, "video/webm", RECIPE, lane="interactive", on_share=lambda _: None, layers=red_layers
    ) as made:
        pictures = pixels_of(made.files[0].path)
        assert len(pictures) == 30
        assert all(is_red(picture[194:226, 234:306]) for picture in pictures)


@pytest.mark.parametrize(("transfer", "expected"), [("smpte2084", 157), ("arib-std-b67", 125)])
async def test_hdr_becomes_what_ordinary_screens_show(
    kit: VideoKit, root: Path, transcoder: VideoTranscoder, transfer: str, expected: int
) -> None:
    """Light is brought into the range of BT.709, and what comes out says so; the poster is as bright."""
    source = kit.high_dynamic_range(root / "in.mp4", transfer)
    async for made in transcode(transcoder, source):
        with av.open(str(made.files[0].path)) as container:
            frame = next(container.decode(video=0))
        assert (frame.color_trc, frame.color_primaries, frame.colorspace) == (_BT709, _BT709, _BT709)
        assert abs(brightness(made.files[0].path) - expected) < 10
        assert abs(brightness(made.poster) - expected) < 10


async def test_hdr_plays_also_where_ffmpeg_cannot_map_tones(kit: VideoKit, root: Path) -> None:
    """It looks pale then, which is better than nothing."""
    pale = VideoTranscoder(Ffmpeg(find_ffmpeg(), LIMITS, filters=frozenset({"scale"})), root)
    pale.start()
    source = kit.high_dynamic_range(root / "in.mp4", "smpte2084")
    async for made in transcode(pale, source):
        assert abs(brightness(made.files[0].path) - 129) < 10
    pale.stop()
