"""What a person waits who uploads one photo while hundreds of others are taken in and processed in bulk.

The same photos are uploaded one at a time twice: to the idle system, several times each, and from the first
byte of the bulk request until its last photo is ready. Each upload under load counts by what it takes beyond
the median of its photo on the idle system.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from benchmarks.claims import Claim, percentile
from benchmarks.contestants.mediamill import RUN_SECONDS, MediamillUpload
from benchmarks.installation import Installation
from benchmarks.load import Connection
from mediamill_processor.settings import ProcessorSettings

ACCEPTED = 202
DIFFERENT = 6
"""Photos that are uploaded by hand, in turns."""
TURNS = 4
"""Times that each of them is uploaded to the idle system."""
PAUSES = (0.1, 0.45, 0.25, 0.6, 0.3)
"""Seconds between two uploads: of different lengths, so that they do not fall into step with the jobs."""
MOST_JOBS = 1.0


@dataclass(frozen=True)
class Lanes:
    """Seconds from first byte to ready; `DIFFERENT` photos in turns, whatever the load."""

    alone: tuple[float, ...]
    loaded: tuple[float, ...]
    bulk: int
    bulk_seconds: float
    """From the first byte of the bulk request to its last photo ready."""
    job_seconds: float
    """What one job takes of one core under this load."""

    @property
    def added(self) -> list[float]:
        """Seconds that each upload under load takes beyond its photo's median on the idle system."""
        medians = [statistics.median(self.alone[photo::DIFFERENT]) for photo in range(DIFFERENT)]
        return [seconds - medians[turn % DIFFERENT] for turn, seconds in enumerate(self.loaded)]

    def claims(self) -> list[Claim]:
        """Return the delay, but for one upload of twenty, in jobs."""
        jobs = percentile(self.added, 95) / self.job_seconds
        name = f"one upload under a bulk load of {self.bulk}, delay p95 ÷ time of a job"
        return [Claim(name, jobs, "at most", MOST_JOBS)]


async def measure_lanes(
    installation: Installation, upload: MediamillUpload, photos: Sequence[Path], *, bulk: int
) -> Lanes:
    """Upload by hand, first alone and then beside a bulk request of so many photos."""
    by_hand = photos[:DIFFERENT]
    alone = [(await upload.run([photo])).latencies[0] for _ in range(TURNS) for photo in by_hand]
    sending = asyncio.create_task(_bulk(installation, photos, bulk))
    loaded: list[float] = []
    for photo, pause in zip(cycle(by_hand), cycle(PAUSES)):
        await asyncio.sleep(pause)
        if sending.done():
            break
        loaded.append((await upload.run([photo])).latencies[0])
    began, ready = await sending
    jobs = len(ready) + len(loaded)
    children = ProcessorSettings.model_fields["children"].get_default(call_default_factory=True)
    lanes = Lanes(
        alone=tuple(alone),
        loaded=tuple(loaded),
        bulk=bulk,
        bulk_seconds=max(ready) - began,
        job_seconds=children * (max(ready) - min(ready)) / jobs,
    )
    print(
        f"  alone: p50 {percentile(alone, 50):.2f} s, p95 {percentile(alone, 95):.2f} s\n"
        f"  beside {bulk} in bulk: p50 {percentile(loaded, 50):.2f} s, p95 {percentile(loaded, 95):.2f} s, "
        f"{len(loaded)} uploads; a job {lanes.job_seconds:.2f} s, all {lanes.bulk_seconds:.0f} s",
        flush=True,
    )
    return lanes


async def _bulk(installation: Installation, photos: Sequence[Path], count: int) -> tuple[float, list[float]]:
    """Send one bulk request; return when it began, and when each photo was ready, in Unix time."""
    files = [photos[number % len(photos)] for number in range(count)]
    began = time.time()
    async with Connection(installation.system.ingest.url) as connection:
        answer = await connection.send(installation.bulk_upload(files))
    if answer.status != ACCEPTED or len(answer.body["jobs"]) != count:
        raise RuntimeError(f"the bulk request was answered {answer.status}: {str(answer.body)[:500]}")
    media_ids = [job["mediaId"] for job in answer.body["jobs"]]
    return began, await installation.listener.ready_times(media_ids, within=RUN_SECONDS)
