"""How fast a video is ready, beside the bare ffmpeg command that does the same to it.

Both run the same program with the same arguments, in turns. Ours is the whole way: upload, admission, probe,
confined transcode at low priority, check of what came out, poster with its variants, record, notification.
"""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.claims import Claim, median_ratio
from benchmarks.contestants.mediamill import ACCEPTED, RUN_SECONDS
from benchmarks.installation import Installation
from benchmarks.load import Connection
from mediamill_contracts.recipe import VideoLimits
from mediamill_ingest.settings import UploadSettings
from mediamill_processor.pipeline.placement import Box
from mediamill_processor.settings import ProcessorSettings
from mediamill_processor.video import arguments
from mediamill_processor.video.arguments import Output
from mediamill_processor.video.binary import find_ffmpeg
from mediamill_processor.video.picture_filters import Look
from mediamill_processor.video.sizes import rendition_size
from mediamill_testing.videos import VideoKit

SIZE, FRAMES_PER_SECOND, BIT_RATE = "1920x1080", 30, "14M"
"""What phones record; with noise in it, as their cameras have."""
TARGET = 0.9


@dataclass
class Videos:
    """Seconds of each round."""

    video_seconds: float
    bare: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)

    def claims(self) -> list[Claim]:
        """Return the speed beside the bare command's."""
        name = f"video of {self.video_seconds:g} s, upload to ready ÷ bare ffmpeg with the same arguments"
        return [Claim(name, median_ratio(self.bare, self.ours), "at least", TARGET)]


async def measure_videos(installation: Installation, folder: Path, *, seconds: float, rounds: int) -> Videos:
    """Make a video, and transcode it bare and by upload in turns."""
    source = await asyncio.to_thread(_camera_video, folder / "camera.mp4", seconds)
    result = Videos(seconds)
    for number in range(rounds):
        result.bare.append(await _bare(source, folder / f"bare-{number}.mp4"))
        result.ours.append(await _ours(installation, source))
        print(f"  ready after {result.ours[-1]:.1f} s, bare ffmpeg {result.bare[-1]:.1f} s", flush=True)
    return result


def _camera_video(target: Path, seconds: float) -> Path:
    rate = ("-b:v", BIT_RATE, "-maxrate", BIT_RATE, "-bufsize", BIT_RATE)
    return VideoKit(find_ffmpeg()).make(
        target,
        size=SIZE,
        seconds=seconds,
        rate=FRAMES_PER_SECOND,
        filters="noise=alls=4:allf=t",
        codec=("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", *rate),
    )


async def _bare(source: Path, target: Path) -> float:
    """Run the command that the processor would; return the seconds it took."""
    (rendition,) = UploadSettings.model_construct().video_recipe.renditions
    threads = ProcessorSettings.model_fields["video_threads"].get_default(call_default_factory=True)
    width, height = map(int, SIZE.split("x"))
    output = Output(rendition, target, Look(rendition_size(Box(width, height), rendition)))
    command = arguments.transcode(
        source, "video/mp4", [output], threads=threads, max_seconds=VideoLimits().max_seconds
    )
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        find_ffmpeg(), "-nostdin", "-loglevel", "error", "-y", *command
    )
    if await process.wait() != 0:
        raise RuntimeError("the bare ffmpeg command failed")
    return time.perf_counter() - started


async def _ours(installation: Installation, source: Path) -> float:
    """Upload the video; return the seconds from its first byte until its owner was told."""
    request = installation.upload(source, media_type="video/mp4")
    began = time.time()
    async with Connection(installation.system.ingest.url) as connection:
        answer = await connection.send(request)
    if answer.status != ACCEPTED:
        raise RuntimeError(f"the video was answered {answer.status}: {answer.body}")
    (ready,) = await installation.listener.ready_times([answer.body["mediaId"]], within=RUN_SECONDS)
    return ready - began
