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

    def changing_size(self, target: Path) -> Path:
        """Write a dark video, in a Matroska container, whose second half has twice the size of the first."""
        dark = "drawbox=color=0x404040:t=fill"
        parts = [
            self.make(target.with_name(f"{size}.ts"), size=size, seconds=1, audio=False, filters=dark)
            for size in ("320x240", "640x480")
        ]
        whole = target.with_name("whole.ts")
        whole.write_bytes(b"".join(part.read_bytes() for part in parts))
        self.run("-i", str(whole), "-c", "copy", "-f", "matroska", str(target))
        return target

    def high_dynamic_range(self, target: Path, transfer: str) -> Path:
        """Write an evenly grey video of about 100 nits in PQ (`smpte2084`) or HLG (`arib-std-b67`)."""
        tags = ("-color_trc", transfer, "-color_primaries", "bt2020", "-colorspace", "bt2020nc")
        parameters = f"colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
        return self.make(
            target,
            seconds=0.5,
            audio=False,
            filters="format=yuv420p10le,geq=lum=509:cb=512:cr=512",
            codec=("-c:v", "libx264", "-preset", "ultrafast", "-x264-params", parameters, *tags),
        )

    def without_length(self, target: Path) -> Path:
        """Write a video of two seconds whose headers say that it has none."""
        data = bytearray(self.make(target, audio=False).read_bytes())
        for box, offset in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20)):
            begin = data.index(box) + offset
            data[begin : begin + 4] = bytes(4)
        target.write_bytes(data)
        return target

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
