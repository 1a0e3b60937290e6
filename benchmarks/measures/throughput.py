"""How many photos a second, and how long each one takes: all contestants, interleaved in one run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.claims import Claim, median_ratio, percentile
from benchmarks.run import Contestant, Run

TARGETS = (
    ("Mediamill, staged to ready", "bare pyvips loop", 0.90),
    ("Mediamill, upload to ready", "bare pyvips loop", 0.85),
    ("Mediamill, staged to ready", "Celery + Pillow", 1.8),
    ("Mediamill, staged to ready", "sharp + BullMQ", 1.05),
)


@dataclass
class Throughput:
    """The runs of each contestant, in the order of the rounds."""

    runs: dict[str, list[Run]] = field(default_factory=dict)

    def rates(self, name: str) -> list[float]:
        """Return a contestant's photos a second, round by round."""
        return [run.throughput for run in self.runs[name]]

    def latency(self, name: str, share: float) -> float:
        """Return a percentile of the seconds from handing in to done, over all photos."""
        return percentile([seconds for run in self.runs[name] for seconds in run.latencies], share)

    def claims(self) -> list[Claim]:
        """Return each ratio against its target; ratios within a round, the median of the rounds."""
        return [
            Claim(f"{name} ÷ {other}", median_ratio(self.rates(name), self.rates(other)), "at least", target)
            for name, other, target in TARGETS
        ]


async def measure_throughput(
    contestants: Sequence[Contestant], photos: Sequence[Path], *, rounds: int
) -> Throughput:
    """Let each contestant take the same photos, in turns that begin with another one each round."""
    result = Throughput({contestant.name: [] for contestant in contestants})
    for contestant in contestants:
        await contestant.run(photos[:4])  # warm: processes up, libraries loaded, connections open
    for number in range(rounds):
        first = number % len(contestants)
        for contestant in (*contestants[first:], *contestants[:first]):
            run = await contestant.run(photos)
            result.runs[contestant.name].append(run)
            print(f"  round {number + 1}: {contestant.name} {run.throughput:.2f} photos/s", flush=True)
    return result
