"""The command as people and scripts meet it: a process, its output and its exit code."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path


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
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), **self.environment},
        )

    async def run(self, *arguments: str, stdin: str = "") -> Ended:
        """Run the command to its end."""
        process = await self.start(*arguments)
        out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    @property
    def credentials(self) -> Path:
        """Where the login is kept."""
        return self.home / ".config" / "mediamill" / "credentials.json"
