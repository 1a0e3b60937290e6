"""Looks at a video from the safe side: a confined child opens it, and each field of its answer is checked."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.sandbox.boundaries import Boundaries
from mediamill_processor.sandbox.protocol import MAX_LINE_BYTES, Refused
from mediamill_processor.video.protocol import Streams

_CPU_SECONDS = 20
_WALL_SECONDS = 60.0
"""A probe takes a second; a machine under full load takes longer."""
_MEMORY_BYTES = 1_000_000_000

_answers: TypeAdapter[Streams | Refused] = TypeAdapter(Streams | Refused)


class ProbeFailedError(Exception):
    """The child could not be run, or was stopped from outside: nothing is known about the file."""


async def probe(source: Path, demuxer: str, *, readable: Path, writable: Path) -> Streams:
    """Return what the file holds. Raises UnacceptableFileError, or ProbeFailedError without a verdict."""
    boundaries = Boundaries(
        parent_pid=os.getpid(),
        memory_bytes=_MEMORY_BYTES,
        cpu_seconds=_CPU_SECONDS,
        file_bytes=0,
        niceness=0,
        readable=readable,
        writable=writable,
    )
    answer, return_code = await _ask(boundaries, source, demuxer)
    if return_code == 0:
        try:
            found = _answers.validate_json(answer)
        except ValidationError as error:
            raise ProbeFailedError("garbled answer") from error
        if isinstance(found, Refused):
            raise UnacceptableFileError(found.code, found.detail)
        return found
    raise _verdict(return_code)


async def _ask(boundaries: Boundaries, source: Path, demuxer: str) -> tuple[bytes, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "mediamill_processor.video.probe_child",
        boundaries.to_json(),
        str(source),
        demuxer,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=None,
        limit=MAX_LINE_BYTES,
        env={"LC_ALL": "C.UTF-8"},
        cwd=os.sep,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_WALL_SECONDS):
            answer, _ = await process.communicate()
    except TimeoutError:
        raise ProbeFailedError(f"no answer within {_WALL_SECONDS:g} s") from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())
    return answer, process.returncode or 0


def _verdict(return_code: int) -> Exception:
    if return_code == -signal.SIGXCPU:
        return UnacceptableFileError("resource_limit", "looking at the video takes too long")
    if return_code in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGILL):
        return UnacceptableFileError("decoder_crashed", "the video makes the decoder crash")
    return ProbeFailedError(f"the child ended with {return_code}")
