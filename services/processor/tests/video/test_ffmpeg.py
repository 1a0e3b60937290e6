"""Which ffmpeg is run, and that it can do nothing but its work, whatever it is told."""

import asyncio
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import pytest

from mediamill_processor.video.binary import FfmpegMissingError, filters_of, find_ffmpeg
from mediamill_processor.video.ffmpeg import Ffmpeg, FfmpegFailedError, FfmpegLimits
from mediamill_testing.videos import VideoKit

_CONFINED = """
import sys
from pathlib import Path
from mediamill_processor.sandbox import confinement, landlock
folder = Path(sys.argv[1])
print(*confinement.leave_network(), *landlock.restrict_files(folder, folder), sep="\\n")
"""


def test_the_ffmpeg_on_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one on PATH, else the wheel's, which works on a bare machine; where neither is, that is said."""
    installed = tmp_path / "bin" / "ffmpeg"
    installed.parent.mkdir()
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o755)
    monkeypatch.setenv("PATH", str(installed.parent))
    assert find_ffmpeg() == installed.resolve()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert {"scale", "overlay", "blackframe"} <= filters_of(find_ffmpeg())

    def missing() -> str:
        raise RuntimeError("no ffmpeg for this platform")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
    with pytest.raises(FfmpegMissingError):
        find_ffmpeg()


async def test_ffmpeg_reads_its_source_and_nothing_else(tmp_path: Path, ffmpeg_limits: FfmpegLimits) -> None:
    """Even if it is told to: no other file, and nothing from the network, as far as the kernel helps."""
    ffmpeg, kit = Ffmpeg(find_ffmpeg(), ffmpeg_limits), VideoKit(find_ffmpeg())
    source = kit.make(tmp_path / "source.mp4", seconds=0.2)
    secret = kit.make(tmp_path / "secret.mp4", seconds=0.2)
    folder = tmp_path / "scratch"
    folder.mkdir()
    callers: list[object] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        callers.append(reader)
        writer.write(secret.read_bytes())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        await ffmpeg.run(_copy_of(str(source)), readable=source, writable=folder)
        held = _what_holds(folder)
        closed = {str(secret): {"files restricted"}, f"tcp://127.0.0.1:{port}": {"no network", "no TCP"}}
        for place in [place for place, means in closed.items() if means & held]:
            with pytest.raises(FfmpegFailedError):
                await ffmpeg.run(_copy_of(place), readable=source, writable=folder)
    assert callers == []


def _what_holds(folder: Path) -> set[str]:
    """Return what confines a process on this machine."""
    done = subprocess.run(
        [sys.executable, "-c", _CONFINED, str(folder)], check=True, capture_output=True, text=True
    )
    return set(done.stdout.splitlines())


def _copy_of(place: str) -> list[str]:
    return ["-f", "mov", "-i", place, "-c", "copy", "-f", "null", "-"]
