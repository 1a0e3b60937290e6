"""Keeps calls away from an upstream that is down, so that they do not use up their attempts on it.

Closed while calls succeed; open after so many failures in a row; after a pause one call is let through, and
decides (M. Nygard, Release It!, "Circuit Breaker"). Each replica learns for itself.
"""

import time
from collections.abc import Callable


class CircuitBreaker:
    """The breaker of one upstream. For one event loop."""

    def __init__(
        self, *, failures: int, pause_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Open after `failures` failures in a row, for `pause_seconds`."""
        self._limit = failures
        self._pause = pause_seconds
        self._clock = clock
        self._failures = 0
        self._open_until: float | None = None
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Whether calls are kept away now, but for the one that tries."""
        return self._open_until is not None

    def wait_seconds(self) -> float:
        """Return 0 when the caller may call now, else how long to wait before asking again.

        Of those who ask when the pause is over, the first gets through.
        """
        if self._open_until is None:
            return 0
        remaining = self._open_until - self._clock()
        if remaining > 0:
            return remaining
        if self._trying:
            return self._pause
        self._trying = True
        return 0

    def succeeded(self) -> None:
        """Note an answer, of whatever content: the upstream is there."""
        self._failures = 0
        self._open_until = None
        self._trying = False

    def failed(self) -> None:
        """Note that the upstream did not answer with sense."""
        self._failures += 1
        if self._failures >= self._limit:
            self._open_until = self._clock() + self._pause
        self._trying = False

    def abandoned(self) -> None:
        """Note a call that ended without telling anything, as when the process stops."""
        self._trying = False
