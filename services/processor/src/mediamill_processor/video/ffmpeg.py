"""Runs ffmpeg as a confined process group that never outlives the job it works for."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mediamill_processor.sandbox.boundaries import Boundaries

_LAST_WORDS_BYTES = 4_000
_OVER_LIMIT = frozenset({signal.SIGXCPU, signal.SIGXFSZ})
_FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
_COMMON = ("-hide_banner", "-nostdin", "-loglevel", "error", "-y")
_PROGRESS = ("-progress", "pipe:1", "-stats_period", "0.5")


Cause = Literal["error", "limit", "killed"]


class FfmpegFailedError(Exception):
    """ffmpeg said why not (`error`), used too much (`limit`), or was ended from outside (`killed`)."""

    def __init__(self, cause: Cause, words: str) -> None:
        super().__init__(f"ffmpeg: {cause}: {words[-300:]}")
        self.cause: Cause = cause
        self.words = words
        """The last lines that it wrote."""


@dataclass(frozen=True)
class FfmpegLimits:
    """What one run may use."""

    cpu_seconds: int
    wall_seconds: float
    memory_bytes: int
    file_bytes: int
    niceness: int
    threads: int


@dataclass(frozen=True)
class Ffmpeg:
    """An ffmpeg program and the limits that each of its runs has."""

    program: Path
    limits: FfmpegLimits
    filters: frozenset[str] = frozenset()
    """Names of the filters that it has."""

    async def run(
        self,
        arguments: Sequence[str],
        *,
        readable: Path,
        writable: Path,
        on_second: Callable[[float], None] | None = None,
    ) -> None:
        """Run to the end; `on_second` is told how many seconds of output there are.

        It may read below `readable` and write below `writable`, which is its working folder. When the caller
        is cancelled, ffmpeg is gone before the cancellation goes on. Raises FfmpegFailedError.
        """
        process = await self._start(arguments, readable, writable)
        listening = asyncio.create_task(_last_words(process))
        following = asyncio.create_task(_follow(process, on_second))
        in_time = True
        try:
            async with asyncio.timeout(self.limits.wall_seconds):
                await process.wait()
        except TimeoutError:
            in_time = False
        finally:
            await asyncio.shield(_end(process))
            words = await listening
            await following
        if not in_time:
            raise FfmpegFailedError("limit", f"not done within {self.limits.wall_seconds:g} s")
        if process.returncode != 0:
            raise FfmpegFailedError(_cause(process.returncode or 0), words)

    async def _start(self, arguments: Sequence[str], readable: Path, writable: Path) -> Process:
        boundaries = Boundaries(
            parent_pid=os.getpid(),
            memory_bytes=self.limits.memory_bytes,
            cpu_seconds=self.limits.cpu_seconds,
            file_bytes=self.limits.file_bytes,
            niceness=self.limits.niceness,
            readable=readable,
            writable=writable,
        )
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            "mediamill_processor.video.launcher",
            boundaries.to_json(),
            str(self.program),
            *_COMMON,
            *_PROGRESS,
            *arguments,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            env={"LC_ALL": "C.UTF-8"},
            cwd=writable,
            start_new_session=True,
        )


def _cause(return_code: int) -> Cause:
    if -return_code in _OVER_LIMIT:
        return "limit"
    return "killed" if -return_code in _FROM_OUTSIDE else "error"


async def _end(process: Process) -> None:
    """Kill the whole group: helpers of ffmpeg too."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def _follow(process: Process, on_second: Callable[[float], None] | None) -> None:
    """Read the `key=value` lines of `-progress`."""
    assert process.stdout is not None  # noqa: S101 - asked for at start
    while line := await process.stdout.readline():
        key, _, value = line.decode(errors="replace").strip().partition("=")
        if on_second is not None and key == "out_time_us" and value.lstrip("-").isdigit():
            on_second(max(int(value), 0) / 1_000_000)


async def _last_words(process: Process) -> str:
    assert process.stderr is not None  # noqa: S101 - asked for at start
    words = b""
    while chunk := await process.stderr.read(_LAST_WORDS_BYTES):
        words = (words + chunk)[-_LAST_WORDS_BYTES:]
    return words.decode(errors="replace").strip()
