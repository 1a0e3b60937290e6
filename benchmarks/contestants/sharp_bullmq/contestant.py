"""Drives sharp + BullMQ: one Node worker with two jobs at a time, on a private Redis."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.run import Run, run_of
from benchmarks.variants import EFFORT, QUALITY, VARIANTS
from mediamill_testing.javascript_client import node_program
from mediamill_testing.ports import free_port, release_port
from mediamill_testing.servers import MissingServerError
from mediamill_testing.servers.process import GuardedProcess, Scratch

HERE = Path(__file__).parent
CONCURRENCY = 2
MAX_LINE_BYTES = 16 * 1024 * 1024


class SharpBullMq:
    """Contestant: sharp's and BullMQ's defaults; Redis without persistence, its fastest form."""

    name = "sharp + BullMQ"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._scratch = Scratch("sharp-bullmq")
        self._port = free_port()
        self._servers: list[GuardedProcess] = []
        self._client: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start Redis, the worker and the client."""
        self._folder.mkdir(parents=True, exist_ok=True)
        node = node_program()
        self._serve(
            "redis",
            [redis_program(), "--port", str(self._port), "--bind", "127.0.0.1", "--save", ""],
        )
        settings = {
            "redisPort": self._port,
            "variants": VARIANTS,
            "quality": QUALITY,
            "effort": EFFORT,
            "concurrency": CONCURRENCY,
        }
        self._serve("worker", [node, str(HERE / "worker.js"), json.dumps(settings)])
        self._client = await asyncio.create_subprocess_exec(
            node,
            str(HERE / "client.js"),
            str(self._port),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=MAX_LINE_BYTES,
        )

    async def run(self, photos: Sequence[Path]) -> Run:
        """Queue all photos and wait for the last one."""
        client = self._client
        if client is None or client.stdin is None or client.stdout is None:
            raise RuntimeError("start() was not called")
        order = {"photos": [str(photo) for photo in photos], "folder": str(self._folder)}
        client.stdin.write(json.dumps(order).encode() + b"\n")
        results = json.loads(await client.stdout.readline())
        return run_of([queued for queued, _ in results], [done for _, done in results])

    async def stop(self) -> None:
        """End client, worker and Redis."""
        if self._client is not None and self._client.stdin is not None:
            self._client.stdin.close()
            await self._client.wait()
        for server in reversed(self._servers):
            await asyncio.to_thread(server.stop)
        self._scratch.remove()
        release_port(self._port)

    def _serve(self, name: str, command: list[str]) -> None:
        log = self._scratch.path / f"{name}.log"
        environment = {name: value for name, value in os.environ.items() if name != "VIPS_CONCURRENCY"}
        self._servers.append(GuardedProcess(command, scratch=self._scratch, log=log, env=environment))


def prepare() -> None:
    """Install the locked packages unless they are there; raises MissingServerError without Redis."""
    redis_program()
    if (HERE / "node_modules" / ".package-lock.json").exists():
        return
    beside_node = Path(node_program()).parent
    subprocess.run(
        [str(beside_node / "npm"), "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=HERE,
        env=os.environ | {"PATH": f"{beside_node}:{os.environ['PATH']}"},
        check=True,
    )


def redis_program() -> str:
    """Return the path of redis-server; raises MissingServerError."""
    found = shutil.which("redis-server")
    if found is None:
        raise MissingServerError(
            "redis-server is missing; on Debian or Ubuntu: `apt-get install redis-server`"
        )
    return found
