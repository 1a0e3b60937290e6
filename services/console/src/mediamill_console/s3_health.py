"""How S3 is, asked at most twice a minute however often the settings are looked at."""

import asyncio
import time

from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import utc_now
from mediamill_console.ports import S3Prober, S3Status
from mediamill_contracts.storage import S3Location

FRESH_SECONDS = 30.0


class S3Health:
    """Keeps the last finding about the location in use."""

    def __init__(self, prober: S3Prober, *, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._prober = prober
        self._fresh_seconds = fresh_seconds
        self._turn = asyncio.Lock()
        self._known: tuple[S3Location | None, float, S3Status] | None = None

    async def status(self, settings: PlatformSettings) -> S3Status:
        """Return how S3 is with these settings."""
        if not settings.s3_enabled:
            return S3Status("disabled", "S3 is disabled: nothing new is put there.")
        location = settings.s3_location
        async with self._turn:
            if self._known is None or not self._is_fresh(*self._known[:2], location):
                self._known = (location, time.monotonic(), await self._ask(location))
            return self._known[2]

    def _is_fresh(self, known: S3Location | None, asked_at: float, wanted: S3Location | None) -> bool:
        return known == wanted and time.monotonic() - asked_at < self._fresh_seconds

    async def _ask(self, location: S3Location | None) -> S3Status:
        found = await self._prober.probe(location)
        if found.failure is None:
            return S3Status("connected", found.message, checked_at=utc_now())
        return S3Status("failing", found.message, found.failure, utc_now())
