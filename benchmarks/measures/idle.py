"""What one person waits who uploads one photo to an idle system, beyond what the picture itself costs.

The bare time of a photo varies by a fifth from one run to the next on a shared machine, and nothing of that
is Mediamill's. So each photo is processed bare several times, in turns with uploads of it, and each single
upload counts by what it takes beyond the median of those.
"""

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from benchmarks.claims import Claim, percentile
from benchmarks.contestants.bare_loop import render
from benchmarks.contestants.mediamill import MediamillUpload

TARGET_MS = 60.0
TURNS = 3
"""Times that each photo is processed bare, and uploaded."""


@dataclass(frozen=True)
class Idle:
    """Seconds of each turn, `TURNS` a photo: bare in one process, and from first byte to ready."""

    bare: tuple[float, ...]
    ready: tuple[float, ...]

    @property
    def added_ms(self) -> list[float]:
        """What each upload adds to its photo's bare processing time, the median of that photo's turns."""
        medians = [
            statistics.median(self.bare[first : first + TURNS]) for first in range(0, len(self.bare), TURNS)
        ]
        return [(ready - medians[turn // TURNS]) * 1000 for turn, ready in enumerate(self.ready)]

    def claims(self) -> list[Claim]:
        """Return what is added at most, but for one upload of twenty."""
        added = percentile(self.added_ms, 95)
        return [Claim("one upload on an idle system, added to bare, p95", added, "at most", TARGET_MS, "ms")]


async def measure_idle(
    mediamill: MediamillUpload, photos: Sequence[Path], folder: Path, *, uploads: int
) -> Idle:
    """Process each photo bare and upload it, in turns, one at a time; `uploads` is a multiple of `TURNS`."""
    bare, ready = [], []
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        await loop.run_in_executor(pool, render, photos[0], folder)
        for photo in islice(cycle(photos), uploads // TURNS):
            for _ in range(TURNS):
                started = time.perf_counter()
                await loop.run_in_executor(pool, render, photo, folder)
                bare.append(time.perf_counter() - started)
                run = await mediamill.run([photo])
                ready.append(run.latencies[0])
    return Idle(tuple(bare), tuple(ready))
