"""Tells listeners how far a run is, at most once a second, and never makes a transfer wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from mediamill_contracts.sync import RequestSync, SyncProgressed
from mediamill_messaging.transport import Publisher

INTERVAL_SECONDS = 1.0

_log = structlog.get_logger(__name__)


@dataclass
class Tally:
    """Counts of a run so far: files that ended, and bytes of those that made it."""

    processed: int = 0
    failed: int = 0
    bytes: int = 0


@asynccontextmanager
async def announced(request: RequestSync, publisher: Publisher) -> AsyncIterator[Tally]:
    """Give a tally to count on, and announce it while the context lasts."""
    tally = Tally()
    announcer = asyncio.create_task(_announce(request, publisher, tally), name="sync-progress")
    try:
        yield tally
    finally:
        announcer.cancel()
        await asyncio.gather(announcer, return_exceptions=True)


async def _announce(request: RequestSync, publisher: Publisher, tally: Tally) -> None:
    """Announce at each interval, changed or not: a run that was cancelled unheard is told so in return."""
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        news = SyncProgressed(
            sync_job_id=request.sync_job_id,
            parent_job_id=request.parent_job_id,
            run=request.run,
            processed_files=tally.processed,
            failed_files=tally.failed,
            processed_bytes=tally.bytes,
        )
        try:
            await publisher.announce(news)
        except Exception as error:  # noqa: BLE001 - news may get lost, transfers may not
            _log.debug("progress was not announced", error=repr(error))
