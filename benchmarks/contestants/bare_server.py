"""Runs the bare endpoint as a process of its own, as ingest runs."""

import os
import socket
import sys

from mediamill_testing.ports import free_port, release_port
from mediamill_testing.servers.process import GuardedProcess, Scratch
from mediamill_testing.waiting import wait_until

START_SECONDS = 30.0


class BareServer:
    """The bare endpoint, writing into a folder that goes away with it."""

    def __init__(self) -> None:
        self._port = free_port()
        self._scratch = Scratch("bare-endpoint")
        self._process: GuardedProcess | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and return when it listens."""
        folder = self._scratch.path / "uploads"
        folder.mkdir()
        self._process = GuardedProcess(
            [sys.executable, "-m", "benchmarks.contestants.bare_endpoint"],
            scratch=self._scratch,
            log=self._scratch.path / "server.log",
            env=os.environ | {"BENCH_FOLDER": str(folder), "BENCH_PORT": str(self._port)},
        )
        wait_until(self._listens, START_SECONDS, "the bare endpoint should have started")

    def stop(self) -> None:
        """End it and remove what it wrote."""
        if self._process is not None:
            self._process.stop()
        self._scratch.remove()
        release_port(self._port)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True
