"""What a job costs without its picture: CPU of every process of the system, with pictures of one pixel.

Method: CPU seconds of all process trees (user and system, ended children included) over a batch of
one-pixel photos, divided by the batch, less the CPU that the bare loop spends on such a photo, before and
after the batch: the speed of a shared machine moves. Broker and database count. What comes together shares
transactions and costs less, so the number of clients is part of each figure. Milliseconds are those of a
machine and of an hour; the claim is their share of what the image work of a photo costs at the same time.
Two variants of one pixel are the same file, which Mediamill encodes once and the bare loop twice: about a
millisecond of the difference.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.claims import Claim
from benchmarks.contestants.bare_loop import render
from benchmarks.installation import Installation
from benchmarks.processes import cpu_used
from benchmarks.run import Contestant

TARGET_MS = 15
TARGET_PHOTO_MS = 222
"""The target is for a machine that spends so much on a photo: two cores on which the bare loop does nine a
second."""
TARGET = round(TARGET_MS / TARGET_PHOTO_MS, 4)


@dataclass(frozen=True)
class Overhead:
    """Milliseconds of CPU, each by way in: of a job by process, of one pixel's image work, of a photo's."""

    by_entry: dict[str, dict[str, float]]
    pixel: dict[str, float]
    photo: dict[str, float]

    def total(self, entry: str) -> float:
        """Return the CPU of all processes, without the image work."""
        return sum(self.by_entry[entry].values()) - self.pixel[entry]

    def claims(self) -> list[Claim]:
        """Return the CPU a job of each way in, beside a photo's."""
        return [
            Claim(
                f"CPU a job without image work ÷ image work of a photo, {entry}",
                self.total(entry) / self.photo[entry],
                "at most",
                TARGET,
            )
            for entry in self.by_entry
        ]


async def measure_overhead(
    installation: Installation,
    entries: dict[str, Contestant],
    photos: Sequence[Path],
    folder: Path,
    *,
    jobs: int,
) -> Overhead:
    """Run a batch of one-pixel photos through each way in; `photos` are rendered before and after each."""
    pixel = folder / "pixel.jpg"
    Image.new("RGB", (1, 1), "teal").save(pixel)
    processes = installation.processes()
    overhead = Overhead({}, {}, {})
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:

        async def bare_ms(pictures: Sequence[Path]) -> float:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(pool, _bare_ms, pictures, folder)

        for entry, contestant in entries.items():
            photo_before, pixel_before = await bare_ms(photos), await bare_ms([pixel] * jobs)
            before = cpu_used(processes)
            await contestant.run([pixel] * jobs)
            after = cpu_used(processes)
            overhead.by_entry[entry] = {
                name: (after[name] - before[name]) / jobs * 1000 for name in processes
            }
            overhead.pixel[entry] = (pixel_before + await bare_ms([pixel] * jobs)) / 2
            overhead.photo[entry] = (photo_before + await bare_ms(photos)) / 2
    return overhead


def _bare_ms(pictures: Sequence[Path], folder: Path) -> float:
    """Return the CPU that rendering a picture takes, once it is warm, in milliseconds."""
    render(pictures[0], folder)
    started = time.process_time()
    for picture in pictures:
        render(picture, folder)
    return (time.process_time() - started) / len(pictures) * 1000
