"""Tells an operator's own system of alerts, signed, so that it can tell them from forgeries.

The address comes from the environment alone. Whoever sets it may name a host of the inner network: unlike an
address from a request or from the settings in the database, it is as trusted as the database's own.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from uuid import UUID

import httpx
import structlog

from mediamill_cleanup.metrics import WEBHOOKS

TIMEOUT_SECONDS = 10.0
PAUSES = (1.0, 5.0, 15.0)
"""Seconds between tries within one run; after the last one the next run tries again."""
SIGNATURE = "X-Mediamill-Signature"
"""`sha256=` and the HMAC-SHA256, in hex, of the timestamp header, a full stop, and the body."""
TIMESTAMP = "X-Mediamill-Timestamp"
"""Unix seconds, part of what is signed: an old request cannot be sent again as news."""
DELIVERY = "X-Mediamill-Delivery"
"""The same for each try of one alert, to recognise repetitions by."""

_log = structlog.get_logger(__name__)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of the signature header."""
    digest = hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


class Webhook:
    """One address that takes alerts as JSON."""

    def __init__(self, url: str, secret: str, *, pauses: Sequence[float] = PAUSES) -> None:
        self._url = url
        self._secret = secret
        self._pauses = tuple(pauses)

    async def send(self, delivery: UUID, body: bytes, *, timestamp: int) -> bool:
        """Post one alert, several times if need be, following no redirect; return whether it was taken."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "mediamill-cleanup",
            TIMESTAMP: str(timestamp),
            DELIVERY: str(delivery),
            SIGNATURE: signature(self._secret, timestamp, body),
        }
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            for pause in (*self._pauses, None):
                if await self._try(client, body, headers):
                    WEBHOOKS.labels("taken").inc()
                    return True
                if pause is not None:
                    await asyncio.sleep(pause)
        WEBHOOKS.labels("failed").inc()
        return False

    async def _try(self, client: httpx.AsyncClient, body: bytes, headers: dict[str, str]) -> bool:
        try:
            answer = await client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            _log.warning("the webhook cannot be reached", error=f"{type(error).__name__}: {error}")
            return False
        if not answer.is_success:
            _log.warning("the webhook refused an alert", status=answer.status_code)
        return answer.is_success
