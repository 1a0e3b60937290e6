"""Limits sign-in attempts, by address and by account: guessing must not pay.

Counts live in this process: with several replicas the limit is that many times as high, and still hopeless
for whoever guesses.
"""

import time
from collections import OrderedDict

_REMEMBERED = 10_000


class AttemptLimit:
    """A bucket of attempts for each name: full at first, refilled one by one."""

    def __init__(self, *, attempts: int, refill_seconds: float) -> None:
        """Allow `attempts` at once and then one more every `refill_seconds`."""
        self._attempts = attempts
        self._refill_seconds = refill_seconds
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Use up one attempt of `name`; return 0, or how many seconds to wait when none is left."""
        now = time.monotonic()
        left, since = self._buckets.pop(name, (float(self._attempts), now))
        left = min(float(self._attempts), left + (now - since) / self._refill_seconds)
        wait = 0.0 if left >= 1 else (1 - left) * self._refill_seconds
        self._buckets[name] = (left - 1 if left >= 1 else left, now)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return wait

    def forget(self, name: str) -> None:
        """Fill the bucket of `name`, as after a right password."""
        self._buckets.pop(name, None)
