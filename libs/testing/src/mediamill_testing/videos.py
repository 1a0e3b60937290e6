"""Small videos of many kinds, good and hostile, made by a real encoder when a test asks for them.

Every picture is FFmpeg's `testsrc2`, whose colours and running counter survive scaling; the tone is 440 Hz.
"""

import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


class VideoKit:
    """Makes videos with the ffmpeg program it is given."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def make(
        self,
        target: Path,
        *,
        size: str = "320x240",
        seconds: float = 2,
        rate: int = 15,
        audio: bool = True,
        filters: str = "null",
        codec: Sequence[str] = _H264,
        extra: Sequence[str] = (),
    ) -> Path:
        """Write a video; the container follows from the extension. Sizes as `WIDTHxHEIGHT` in pixels."""
        picture = ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds:g}")
        tone = ("-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds:g}") if audio else ()
        self.run(*picture, *tone, "-vf", filters, *codec, *extra, str(target))
        return target

    def run(self, *arguments: str) -> None:
        """Run ffmpeg; raises CalledProcessError with what it said."""
        command = [str(self._program), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - arguments are ours

    def sideways(self, target: Path) -> Path:
        """Write a 320 by 240 video that is to be shown turned by 90 degrees, as phones record."""
        upright = self.make(target.with_name(f"upright-{target.name}"))
        self.run("-display_rotation", "90", "-i", str(upright), "-c", "copy", str(target))
        return target

    def changing_rate(self, target: Path) -> Path:
        """Write a video whose frames come at changing intervals."""
        uneven = "select='not(mod(n\\,3))+lt(mod(n\\,20)\\,6)'"
        return self.make(target, filters=uneven, extra=("-fps_mode", "vfr"))

    def sound_only(self, target: Path) -> Path:
        """Write an MP4 with a tone and nothing to see, under the brand of a video."""
        self.run(
            "-f", "lavfi", "-i", "sine=duration=2", "-c:a", "aac", "-brand", "isom", "-f", "mp4", str(target)
        )
        return target

    def garbled(self, target: Path) -> Path:
        """Write a video of sound structure whose pictures are noise."""
        whole = self.make(
            target.with_name(f"whole-{target.name}"), seconds=4, extra=("-movflags", "+faststart")
        )
        data = bytearray(whole.read_bytes())
        begin = data.index(b"mdat") + 4
        data[begin:] = random.Random(7).randbytes(len(data) - begin)  # noqa: S311 - any noise will do
        target.write_bytes(data)
        return target

    def truncated(self, target: Path) -> Path:
        """Write the first half of a video whose index, at its front, tells of the whole."""
        whole = self.make(
            target.with_name(f"whole-{target.name}"), seconds=8, extra=("-movflags", "+faststart")
        )
        data = whole.read_bytes()
        target.write_bytes(data[: len(data) // 2])
        return target


def playlist(target: Path, secret: Path) -> Path:
    """Write an HLS playlist that would read another local file, under whatever name `target` has."""
    target.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n")
    return target


def concat_script(target: Path, secret: Path) -> Path:
    """Write a script of FFmpeg's concat demuxer that would read another local file."""
    target.write_text(f"ffconcat version 1.0\nfile '{secret}'\n")
    return target


def subtitles(target: Path) -> Path:
    """Write subtitles, which FFmpeg would take for a media file."""
    target.write_text("1\n00:00:00,000 --> 00:00:02,000\nnot a video\n")
    return target
