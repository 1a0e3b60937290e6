"""Announces progress beside the job: a slow or absent broker costs a progress bar, never a picture."""

import asyncio

import structlog

from mediamill_contracts.media import MediaAccepted, MediaProgressed, Stage
from mediamill_messaging.transport import Publisher

_PUBLISH_SECONDS = 5
"""Later than this the news is old."""
_MAX_UNSENT = 200
"""While the broker is away, announcements beyond these are dropped."""

_log = structlog.get_logger(__name__)


class ProgressAnnouncer:
    """A Progress that publishes in the background."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._unsent: set[asyncio.Task[None]] = set()

    def report(self, job: MediaAccepted, stage: Stage, percent: int, attempt: int) -> None:
        """Announce that `job` reached `stage`; returns at once."""
        if len(self._unsent) >= _MAX_UNSENT:
            return
        event = MediaProgressed(
            media_id=job.media_id,
            job_id=job.job_id,
            user_id=job.user_id,
            progress=percent,
            stage=stage,
            attempt=attempt,
        )
        sending = asyncio.create_task(self._publish(event))
        self._unsent.add(sending)
        sending.add_done_callback(self._unsent.discard)

    async def close(self) -> None:
        """Drop what is unsent."""
        for sending in list(self._unsent):
            sending.cancel()
        await asyncio.gather(*self._unsent, return_exceptions=True)

    async def _publish(self, event: MediaProgressed) -> None:
        try:
            async with asyncio.timeout(_PUBLISH_SECONDS):
                await self._publisher.announce(event)
        except Exception as error:  # noqa: BLE001 - progress is advice; whatever is wrong with it must not spread
            _log.debug("progress not announced", stage=event.stage, error=repr(error))
