"""What the README claims, as a number beside its target."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Claim:
    """One measured value and the bound it has to keep."""

    name: str
    value: float
    bound: Literal["at least", "at most"]
    target: float
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the value keeps its bound."""
        return self.value >= self.target if self.bound == "at least" else self.value <= self.target


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` percent of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 10_000) - 1)]


def median_ratio(values: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the ratios of values that were measured one after the other."""
    return statistics.median(value / other for value, other in zip(values, others, strict=True))
