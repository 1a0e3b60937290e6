"""Finds ffmpeg: the one on PATH, which the operating system keeps up to date, else the one a wheel brings.

What it can do depends on how it was built, so it is asked.
"""

import re
import shutil
import subprocess
from pathlib import Path

import imageio_ffmpeg

_FILTER = re.compile(r"^ [A-Z.]{2,3} +(\w+) +\S+->", re.MULTILINE)


class FfmpegMissingError(Exception):
    """There is no ffmpeg on this machine, and no wheel with one for its platform."""


def find_ffmpeg() -> Path:
    """Return the absolute path of an ffmpeg program. Raises FfmpegMissingError."""
    on_path = shutil.which("ffmpeg")
    if on_path is not None:
        return Path(on_path).resolve()
    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe()).resolve()
    except RuntimeError as error:
        raise FfmpegMissingError("no ffmpeg on PATH and none for this platform in imageio-ffmpeg") from error


def filters_of(program: Path) -> frozenset[str]:
    """Return the names of the filters that an ffmpeg program has."""
    command = [str(program), "-hide_banner", "-filters"]
    listing = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603 - no input
    return frozenset(_FILTER.findall(listing.stdout))
