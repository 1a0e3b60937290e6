"""The parent's side of one child process."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress

from mediamill_contracts.message import Part
from mediamill_processor.fonts import CONFIGURATION
from mediamill_processor.sandbox.boundaries import Boundaries
from mediamill_processor.sandbox.loss import ChildLostError, cause_of
from mediamill_processor.sandbox.protocol import (
    MAX_LINE_BYTES,
    Ready,
    Reply,
    decode_reply,
    encode_line,
)

_START_SECONDS = 30
"""Starting takes a third of a second; a machine under full load takes longer."""
_LAST_WORDS_BYTES = 2_000

_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "FONTCONFIG_FILE": str(CONFIGURATION),
    "VIPS_CONCURRENCY": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024**2),
    "MALLOC_MMAP_THRESHOLD_": str(64 * 1024**2),
}
"""All that a child gets: no secrets. Processes share the cores better than threads do, and freed memory that
is kept serves the next picture."""


class SandboxProcess:
    """A running child. Not for use by two jobs at once."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._last_words = b""
        self._listening = asyncio.create_task(self._listen())
        self.holds: tuple[str, ...] = ()
        """What confines the child."""
        self.jobs = 0
        """Orders sent so far."""

    @classmethod
    async def start(cls, boundaries: Boundaries) -> "SandboxProcess":
        """Start a child and wait until it is confined; raises ChildLostError.

        It stays in the service's session: outside of containers the kernel shares the cores by sessions, and
        niceness counts within one only (sched(7), autogroup).
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            "mediamill_processor.sandbox.child",
            boundaries.to_json(),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=MAX_LINE_BYTES,
            env=_ENVIRONMENT,
            cwd=os.sep,
        )
        child = cls(process)
        try:
            ready = await child.receive(_START_SECONDS)
            if not isinstance(ready, Ready):
                raise ChildLostError("crashed", "spoke out of turn")
        except BaseException:
            await child.end()
            raise
        child.holds = ready.holds
        return child

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the child can take an order."""
        return self._process.returncode is None

    def send(self, line: bytes) -> None:
        """Send a line; a child that is gone is noticed by `receive`."""
        if self._process.stdin is not None:
            self._process.stdin.write(line)

    def order(self, order: Part) -> None:
        """Send the order that begins a job."""
        self.jobs += 1
        self.send(encode_line(order))

    async def receive(self, seconds: float) -> Reply:
        """Return the next answer; raises ChildLostError when none comes in time or the child is gone."""
        assert self._process.stdout is not None  # noqa: S101 - asked for at start
        try:
            async with asyncio.timeout(seconds):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise ChildLostError("wall_time", f"no answer within {seconds:g} s") from None
        except ValueError:
            raise ChildLostError("crashed", "endless answer") from None
        if not line.endswith(b"\n"):
            raise await self._loss()
        try:
            return decode_reply(line)
        except ValueError:
            raise ChildLostError("crashed", "garbled answer") from None

    async def end(self) -> None:
        """Kill the child and wait until it is gone; it never holds anything worth saving."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()
        self._listening.cancel()

    async def _loss(self) -> ChildLostError:
        return_code = await self._process.wait()
        await self._listening
        evidence = self._last_words.decode(errors="replace").strip()[-200:]
        return ChildLostError(cause_of(return_code, self._last_words), f"exit {return_code} {evidence}")

    async def _listen(self) -> None:
        """Keep the end of standard error, which says why a child died."""
        assert self._process.stderr is not None  # noqa: S101 - asked for at start
        while chunk := await self._process.stderr.read(_LAST_WORDS_BYTES):
            self._last_words = (self._last_words + chunk)[-_LAST_WORDS_BYTES:]
