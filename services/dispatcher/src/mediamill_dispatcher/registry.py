"""The installed kinds of calls with what runs them and what guards their upstreams."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module

from mediamill_contracts.call_types import CallType
from mediamill_dispatcher.circuit_breaker import CircuitBreaker
from mediamill_dispatcher.runner import Runner


@dataclass(frozen=True)
class Line:
    """One kind of call, ready to be run."""

    kind: CallType
    runner: Runner
    breaker: CircuitBreaker
    places: asyncio.Semaphore = field(init=False)
    """As many as calls of this kind may be made at once."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", asyncio.Semaphore(self.kind.concurrency))


class Registry:
    """Finds the line of a call by the name of its kind."""

    def __init__(self, lines: Mapping[str, Line]) -> None:
        self._lines = dict(lines)

    @property
    def concurrency(self) -> int:
        """Calls of all kinds that are made at once."""
        return sum(line.kind.concurrency for line in self._lines.values()) or 1

    def line(self, name: str) -> Line | None:
        """Return the line, or None for a kind that is not installed here."""
        return self._lines.get(name)

    async def close(self) -> None:
        """Close all runners."""
        await asyncio.gather(*(line.runner.close() for line in self._lines.values()))


def build_registry(kinds: Iterable[CallType], *, breaker_failures: int, breaker_seconds: float) -> Registry:
    """Make each kind's runner. Raises ImportError or AttributeError for a runner that is not there."""
    return Registry(
        {
            kind.name: Line(
                kind,
                _make_runner(kind.runner),
                CircuitBreaker(failures=breaker_failures, pause_seconds=breaker_seconds),
            )
            for kind in kinds
        }
    )


def _make_runner(path: str) -> Runner:
    module, _, factory = path.partition(":")
    runner: Runner = getattr(import_module(module), factory)()
    return runner
