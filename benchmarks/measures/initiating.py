"""How fast a place in S3 is promised for an upload that a client sends there itself.

Each answer is a durable row, counted against the user's pace, and a signed URL; S3 is not asked. Many users,
since one may begin ten uploads a minute.
"""

import json
import secrets
from dataclasses import dataclass
from itertools import cycle

from benchmarks.claims import Claim, percentile
from benchmarks.load import steady_rate
from mediamill_runtime.identity import TokenIssuer
from mediamill_testing.transfers import JWT_SECRET, TransferSystem

PER_SECOND = 50.0
TARGET_MS = 50.0
USERS = 100
TOKEN_SECONDS = 60 * 60
CREATED = 201


@dataclass
class Initiating:
    """Milliseconds until each was answered, and how many were refused."""

    times_ms: list[float]
    refused: int

    def claims(self) -> list[Claim]:
        """Return each figure against its target."""
        name = f"initiate, {PER_SECOND:g}/s"
        return [
            Claim(f"{name}, p99", percentile(self.times_ms, 99), "at most", TARGET_MS, "ms"),
            Claim(f"{name}, not answered {CREATED}", self.refused, "at most", 0),
        ]


class _Initiation:
    """`POST` of one wish; every call of `head` is another upload, of the next user."""

    def __init__(self) -> None:
        issuer = TokenIssuer(JWT_SECRET, lifetime_seconds=TOKEN_SECONDS)
        self._tokens = cycle([issuer.issue(f"user-{number}", "user") for number in range(USERS)])
        wish = {"fileName": "photo.jpg", "mimeType": "image/jpeg", "fileSize": 200_000}
        self.body = [json.dumps(wish).encode()]

    def head(self) -> bytes:
        """Return the request line and headers, with an idempotency key of its own."""
        return (
            f"POST /api/media/upload/initiate HTTP/1.1\r\nHost: benchmark\r\n"
            f"Authorization: Bearer {next(self._tokens)}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(self.body[0])}\r\nIdempotency-Key: {secrets.token_hex(16)}\r\n\r\n"
        ).encode()


async def measure_initiating(system: TransferSystem, *, seconds: float) -> Initiating:
    """Begin uploads at fixed times, whether or not earlier ones were answered."""
    wish = _Initiation()
    await steady_rate(
        system.ingest.url, wish, per_second=PER_SECOND, seconds=1
    )  # the first one opens S3's client
    answers = await steady_rate(system.ingest.url, wish, per_second=PER_SECOND, seconds=seconds)
    refused = sum(answer.status != CREATED for answer in answers)
    result = Initiating([answer.seconds * 1000 for answer in answers], refused)
    median, p99 = (percentile(result.times_ms, share) for share in (50, 99))
    print(f"  {PER_SECOND:g} a second: p50 {median:.1f} ms, p99 {p99:.1f} ms, {refused} refused", flush=True)
    return result
