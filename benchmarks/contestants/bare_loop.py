"""The limit: two processes that decode, resize and encode. No queue, no record, nobody is told."""

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pyvips

from benchmarks.run import Run, run_of
from benchmarks.variants import EFFORT, QUALITY, VARIANTS

PROCESSES = 2


def render(source: Path, folder: Path) -> float:
    """Write all variants of one photo, from one decode; return the Unix time when done."""
    largest = VARIANTS[0].side
    decoded = pyvips.Image.thumbnail(
        str(source), largest, height=largest, size="down", fail_on="truncated"
    ).copy_memory()
    for variant in VARIANTS:
        picture = (
            decoded
            if variant.side == largest
            else decoded.thumbnail_image(variant.side, height=variant.side, size="down")
        )
        target = str(folder / f"{source.stem}_{variant.name}.{variant.extension}")
        if variant.extension == "jpg":
            picture.jpegsave(target, Q=QUALITY, keep="none")
        else:
            picture.webpsave(target, Q=QUALITY, effort=EFFORT, keep="none")
    return time.time()


class BareLoop:
    """Contestant: pyvips in a process pool. The caller sets VIPS_CONCURRENCY=1 before it starts."""

    name = "bare pyvips loop"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn"))

    async def start(self) -> None:
        """Start the processes; they come up with the first photo."""
        self._folder.mkdir(parents=True, exist_ok=True)

    async def run(self, photos: Sequence[Path]) -> Run:
        """Render all photos, two at a time."""
        loop = asyncio.get_running_loop()
        started = time.time()
        done = await asyncio.gather(
            *(loop.run_in_executor(self._pool, render, photo, self._folder) for photo in photos)
        )
        return run_of([started] * len(photos), done)

    async def stop(self) -> None:
        """End the processes."""
        self._pool.shutdown()
