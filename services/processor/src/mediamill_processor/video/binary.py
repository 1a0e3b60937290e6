"""Finds ffmpeg: the one on PATH, which the operating system keeps up to date, else the one a wheel brings."""

import shutil
from pathlib import Path

import imageio_ffmpeg


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
