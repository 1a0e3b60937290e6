"""Drives Celery + Pillow: a prefork worker with two processes on the same RabbitMQ that Mediamill uses."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.contestants.celery_app import app, render
from benchmarks.run import Run, run_of
from mediamill_testing.servers.process import GuardedProcess, Scratch

PROCESSES = 2
RUN_SECONDS = 300.0


class CeleryPillow:
    """Contestant: Celery's defaults, results over AMQP."""

    name = "Celery + Pillow"

    def __init__(self, broker_url: str, folder: Path) -> None:
        self._broker_url = broker_url
        self._folder = folder
        self._scratch = Scratch("celery")
        self._worker: GuardedProcess | None = None
        self._thread = ThreadPoolExecutor(1)  # Celery's result consumer belongs to one thread

    async def start(self) -> None:
        """Start the worker; what is queued before it is up waits."""
        self._folder.mkdir(parents=True, exist_ok=True)
        app.conf.broker_url = self._broker_url
        command = [sys.executable, "-m", "celery", "--app=benchmarks.contestants.celery_app", "worker"]
        self._worker = GuardedProcess(
            [*command, "--pool=prefork", f"--concurrency={PROCESSES}", "--loglevel=WARNING"],
            scratch=self._scratch,
            log=self._scratch.path / "worker.log",
            env=os.environ | {"BENCH_BROKER_URL": self._broker_url},
        )

    async def run(self, photos: Sequence[Path]) -> Run:
        """Queue all photos and wait for the last result."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, photos)

    async def stop(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.stop()
        self._scratch.remove()

    def _run(self, photos: Sequence[Path]) -> Run:
        queued, results = [], []
        for photo in photos:
            queued.append(time.time())
            results.append(render.delay(str(photo), str(self._folder)))
        return run_of(queued, [float(result.get(timeout=RUN_SECONDS)) for result in results])
