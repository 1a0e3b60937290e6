"""When to try a request again, and how long to wait: one policy for every call.

Waiting times are drawn at random below a growing ceiling ("full jitter"), so that many clients that
lost the same server do not come back in the same instant.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that another try may change. 501 and 507 (no room) are final."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often a request is tried in all, and the bounds of the pauses between, in seconds."""

    attempts: int = 5
    first_pause: float = 0.25
    longest_pause: float = 10.0
    longest_retry_after: float = 60.0
    """A server that asks for a longer pause than this is not waited for."""

    def pause_after(self, attempt: int, outcome: httpx.Response | Exception) -> float | None:
        """Return the seconds to wait after failed attempt number `attempt` (from 1), or None to give up."""
        if attempt >= self.attempts:
            return None
        asked = retry_after(outcome) if isinstance(outcome, httpx.Response) else None
        if asked is None:
            ceiling = min(self.longest_pause, self.first_pause * 2 ** (attempt - 1))
            return random.uniform(ceiling / 10, ceiling)  # noqa: S311 - spreads load, guards nothing
        return asked if asked <= self.longest_retry_after else None


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds of a `Retry-After` header in either of its forms (RFC 9110, section 10.2.3)."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
