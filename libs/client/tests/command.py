"""The command as people and scripts meet it: what it is told, its output and its exit code."""

import asyncio
import io
import os
import pty
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from mediamill_client.cli import main


@dataclass(frozen=True)
class Ended:
    """What a command left."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Command:
    """Runs `mediamill` in a home of its own."""

    home: Path
    environment: dict[str, str]

    async def start(
        self, *arguments: str, stderr: int = asyncio.subprocess.PIPE
    ) -> asyncio.subprocess.Process:
        """Start the command."""
        return await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("mediamill"),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            env=self._whole_environment(),
        )

    async def run(self, *arguments: str, stdin: str = "") -> Ended:
        """Run the command to its end, in this process: starting one takes longer than most commands."""
        return await asyncio.to_thread(self._run, arguments, stdin)

    def _run(self, arguments: tuple[str, ...], stdin: str) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, self._whole_environment(), clear=True),
            patch.object(sys, "argv", ["mediamill", *arguments]),
            patch.object(sys, "stdin", io.StringIO(stdin)),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as end:
                return Ended(int(str(end.code)), out.getvalue(), err.getvalue())
        raise AssertionError("the command ended without an exit code")

    def _whole_environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), **self.environment}

    async def run_process(self, *arguments: str, stdin: str = "") -> Ended:
        """Run the command to its end, as a process."""
        process = await self.start(*arguments)
        out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    async def run_in_terminal(self, *arguments: str) -> Ended:
        """Run the command before a person; `err` is what the terminal was sent."""
        screen, terminal = pty.openpty()
        watched = replace(self, environment={**self.environment, "TERM": "xterm", "COLUMNS": "140"})
        process = await watched.start(*arguments, stderr=terminal)
        os.close(terminal)
        (out, _), shown = await asyncio.gather(process.communicate(), asyncio.to_thread(_read_to_end, screen))
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), shown)

    @property
    def credentials(self) -> Path:
        """Where the login is kept."""
        return self.home / ".config" / "mediamill" / "credentials.json"


def _read_to_end(descriptor: int) -> str:
    """Read while the command writes: a terminal that nobody reads fills up, and its writer waits for ever."""
    shown = b""
    try:
        while chunk := os.read(descriptor, 65_536):
            shown += chunk
    except OSError:
        pass  # how a terminal says that its other side is gone
    finally:
        os.close(descriptor)
    return shown.decode()
