"""What a job costs without its picture: CPU of every process of the system, with pictures of one pixel.

Method: CPU seconds of all process trees (user and system, ended children included) over a batch of
one-pixel photos, divided by the batch, less the CPU that the bare loop spends on such a photo, before and
after the batch: the speed of a shared machine moves. Broker and database count. What comes together shares
transactions and costs less, so the number of clients is part of each figure. Two variants of one pixel are
the same file, which Mediamill encodes once and the bare loop twice: about a millisecond of the difference.
"""

import asyncio
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.claims import Claim
from benchmarks.contestants.bare_loop import render
from benchmarks.installation import Installation
from benchmarks.processes import cpu_used
from benchmarks.run import Contestant

TARGET_MS = 15.0


@dataclass(frozen=True)
class Overhead:
    """Milliseconds of CPU a job, by way in and process; `bare` is the image work of a one-pixel photo."""

    by_entry: dict[str, dict[str, float]]
    bare: dict[str, float]

    def total(self, entry: str) -> float:
        """Return the CPU of all processes, without the image work."""
        return sum(self.by_entry[entry].values()) - self.bare[entry]

    def claims(self) -> list[Claim]:
        """Return the CPU a job of each way in."""
        return [
            Claim(f"CPU a job without image work, {entry}", self.total(entry), "at most", TARGET_MS, "ms")
            for entry in self.by_entry
        ]


async def measure_overhead(
    installation: Installation, entries: dict[str, Contestant], folder: Path, *, jobs: int
) -> Overhead:
    """Run a batch of one-pixel photos through each way in."""
    photo = folder / "pixel.jpg"
    Image.new("RGB", (1, 1), "teal").save(photo)
    processes = installation.processes()
    overhead = Overhead({}, {})
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:

        async def bare_ms() -> float:
            seconds = await asyncio.get_running_loop().run_in_executor(pool, _bare_cpu, photo, folder, jobs)
            return seconds / jobs * 1000

        for entry, contestant in entries.items():
            bare_before = await bare_ms()
            before = cpu_used(processes)
            await contestant.run([photo] * jobs)
            after = cpu_used(processes)
            overhead.by_entry[entry] = {
                name: (after[name] - before[name]) / jobs * 1000 for name in processes
            }
            overhead.bare[entry] = (bare_before + await bare_ms()) / 2
    return overhead


def _bare_cpu(photo: Path, folder: Path, times: int) -> float:
    """Return the CPU seconds that rendering a photo so many times takes, once it is warm."""
    render(photo, folder)
    started = time.process_time()
    for _ in range(times):
        render(photo, folder)
    return time.process_time() - started
