"""What one person waits who uploads one photo to an idle system, beyond what the picture itself costs."""

import asyncio
import multiprocessing
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


@dataclass(frozen=True)
class Idle:
    """Seconds of each photo: bare processing in one process, and from the upload's first byte to ready."""

    bare: tuple[float, ...]
    ready: tuple[float, ...]

    @property
    def added_ms(self) -> list[float]:
        """What the whole path adds to the bare processing time, photo by photo."""
        return [(ready - bare) * 1000 for bare, ready in zip(self.bare, self.ready, strict=True)]

    def claims(self) -> list[Claim]:
        """Return what is added at most, but for one upload of twenty."""
        added = percentile(self.added_ms, 95)
        return [Claim("one upload on an idle system, added to bare, p95", added, "at most", TARGET_MS, "ms")]


async def measure_idle(
    mediamill: MediamillUpload, photos: Sequence[Path], folder: Path, *, uploads: int
) -> Idle:
    """Process each photo bare, then upload it, one at a time."""
    bare, ready = [], []
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        await loop.run_in_executor(pool, render, photos[0], folder)
        for photo in islice(cycle(photos), uploads):
            started = time.perf_counter()
            await loop.run_in_executor(pool, render, photo, folder)
            bare.append(time.perf_counter() - started)
            run = await mediamill.run([photo])
            ready.append(run.latencies[0])
    return Idle(tuple(bare), tuple(ready))
