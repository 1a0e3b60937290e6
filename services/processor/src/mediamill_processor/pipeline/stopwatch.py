"""Times the steps, so that a trace shows what happened inside the child process."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """A step's name, and its begin and end in nanoseconds since the Unix epoch."""

    step: str
    started_ns: int
    ended_ns: int


class Stopwatch:
    """Collects timings; may be used from several threads at once."""

    def __init__(self) -> None:
        self.timings: list[Timing] = []

    @contextmanager
    def measure(self, step: str) -> Iterator[None]:
        """Record how long the block takes, when it succeeds."""
        started = time.time_ns()
        yield
        self.timings.append(Timing(step, started, time.time_ns()))
