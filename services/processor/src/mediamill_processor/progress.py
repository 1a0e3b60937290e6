"""Announces progress beside the job: a slow or absent broker costs a progress bar, never a picture.

Reports go out at a pace that eyes can follow, the first a moment after the job began: of those that come
sooner the newest is kept until its time has come. What the end of the job overtakes is never sent. Jobs share
the pace: with many in hand each tells less, since a report costs every service a few milliseconds that jobs
wait for.
"""

import asyncio
from uuid import UUID

import structlog

from mediamill_contracts.media import MediaAccepted, MediaProgressed, Stage
from mediamill_messaging.transport import Publisher

_PUBLISH_SECONDS = 5
"""Later than this the news is old."""
_MAX_UNSENT = 200
"""While the broker is away, announcements beyond these are dropped."""

PACE_SECONDS = 0.25
"""Before the first report of a job that is alone, and between two; for each of several, as much longer as
there are jobs. Of a small picture there is nothing to show but the result."""
LONGEST_PACE_SECONDS = 2.0
"""However many jobs there are, those that take long are seen to go on."""

_log = structlog.get_logger(__name__)


class ProgressAnnouncer:
    """A Progress that publishes in the background."""

    def __init__(self, publisher: Publisher, *, pace_seconds: float = PACE_SECONDS) -> None:
        self._publisher = publisher
        self._pace = pace_seconds
        self._unsent: set[asyncio.Task[None]] = set()
        self._begun: set[UUID] = set()
        """Jobs that were reported and have not ended."""
        self._withheld: dict[UUID, MediaProgressed | None] = {}
        """By job, while its beginning or its last report is younger than the pace: the newest since."""

    def report(self, job: MediaAccepted, stage: Stage, percent: int, attempt: int) -> None:
        """Announce that `job` reached `stage`, now or when its last report is old enough; returns at once."""
        event = MediaProgressed(
            media_id=job.media_id,
            job_id=job.job_id,
            user_id=job.user_id,
            progress=percent,
            stage=stage,
            attempt=attempt,
        )
        if job.job_id in self._withheld:
            self._withheld[job.job_id] = event
        elif job.job_id in self._begun:
            self._send(event)
        else:
            self._withhold(job.job_id, event)
        self._begun.add(job.job_id)

    def end(self, job: MediaAccepted) -> None:
        """Forget what was withheld, unless it says that there will be another attempt."""
        self._begun.discard(job.job_id)
        event = self._withheld.get(job.job_id)
        if event is not None and event.stage != "retrying":
            self._withheld[job.job_id] = None

    async def close(self) -> None:
        """Drop what is unsent."""
        self._withheld.clear()
        for sending in list(self._unsent):
            sending.cancel()
        await asyncio.gather(*self._unsent, return_exceptions=True)

    def _send(self, event: MediaProgressed) -> None:
        if len(self._unsent) >= _MAX_UNSENT:
            return
        self._withhold(event.job_id, None)
        sending = asyncio.create_task(self._publish(event))
        self._unsent.add(sending)
        sending.add_done_callback(self._unsent.discard)

    def _withhold(self, job_id: UUID, event: MediaProgressed | None) -> None:
        self._withheld[job_id] = event
        loop = asyncio.get_running_loop()
        loop.call_later(self._pace, self._release, job_id, loop.time())

    def _release(self, job_id: UUID, since: float) -> None:
        """Send what is withheld since then, or look again when as much time as many jobs ask for is over."""
        loop = asyncio.get_running_loop()
        pace = min(self._pace * len(self._begun), LONGEST_PACE_SECONDS)
        remaining = since + pace - loop.time()
        if remaining > 0 and job_id in self._begun:
            loop.call_later(remaining, self._release, job_id, since)
            return
        event = self._withheld.pop(job_id, None)
        if event is not None:
            self._send(event)

    async def _publish(self, event: MediaProgressed) -> None:
        try:
            async with asyncio.timeout(_PUBLISH_SECONDS):
                await self._publisher.announce(event)
        except Exception as error:  # noqa: BLE001 - progress is advice; whatever is wrong with it must not spread
            _log.debug("progress not announced", stage=event.stage, error=repr(error))
