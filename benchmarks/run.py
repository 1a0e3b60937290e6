"""What a contestant is, and what one run of it yields."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Run:
    """One batch of photos through one contestant."""

    photos: int
    latencies: tuple[float, ...]
    """Seconds from handing in to done, of each photo."""
    seconds: float
    """From handing in the first photo to the last one done."""

    @property
    def throughput(self) -> float:
        """Photos a second."""
        return self.photos / self.seconds


def run_of(handed_in: Sequence[float], done: Sequence[float]) -> Run:
    """Return the run of photos that were handed in and done at these Unix times, in the same order."""
    latencies = tuple(end - start for start, end in zip(handed_in, done, strict=True))
    return Run(len(latencies), latencies, max(done) - min(handed_in))


class Contestant(Protocol):
    """Something that turns photos into their variants; started once, run many times."""

    name: str

    async def start(self) -> None:
        """Start all processes and wait until they can work."""

    async def run(self, photos: Sequence[Path]) -> Run:
        """Hand in all photos at once and wait until the last one is done."""

    async def stop(self) -> None:
        """End all processes."""
