"""Plans what is left of watermark jobs, in short transactions beside the requests.

A replica plans what it took in. What one left that ended half way is found in the jobs' rows by the others,
or by itself when it is back.
"""

import asyncio
from datetime import timedelta
from uuid import UUID

from mediamill_catalog.settings import PlatformSettings, load
from mediamill_catalog.tables import utc_now
from mediamill_catalog.watermark_planning import PlanOvertakenError, find_unplanned, plan_next
from mediamill_database import Database
from mediamill_runtime.periodic import Periodic

LOOK_SECONDS = 15.0
"""Between looks for jobs that nobody plans on."""
ABANDONED_AFTER = timedelta(minutes=1)
"""A job of which more is left, and that nothing has happened to for so long, has lost who was planning it."""


class WatermarkPlanner:
    """Plans jobs one after the other, each piece in a transaction of its own."""

    def __init__(self, database: Database, defaults: PlatformSettings) -> None:
        self._database = database
        self._defaults = defaults
        self._given: asyncio.Queue[UUID] = asyncio.Queue()
        self._planning = Periodic("watermark planning", 0, self._plan_something)

    def start(self) -> None:
        """Begin in the background."""
        self._planning.start()

    async def stop(self) -> None:
        """End; what is left stays in the jobs' rows."""
        await self._planning.stop()

    def plan_on(self, job_id: UUID) -> None:
        """Plan what is left of a job, soon."""
        self._given.put_nowait(job_id)

    async def plan_abandoned(self) -> None:
        """Plan what is left of jobs that nobody is planning any more."""
        async with self._database.read() as session:
            job_ids = await find_unplanned(session, before=utc_now() - ABANDONED_AFTER)
        for job_id in job_ids:
            await self._plan(job_id)

    async def _plan_something(self) -> None:
        try:
            job_id = await asyncio.wait_for(self._given.get(), LOOK_SECONDS)
        except TimeoutError:
            await self.plan_abandoned()
        else:
            await self._plan(job_id)

    async def _plan(self, job_id: UUID) -> None:
        """Plan a job to its end, or until it is cancelled or another plans it."""
        more = True
        while more:
            try:
                async with self._database.write() as session:
                    settings = await load(session, self._defaults)
                    more = await plan_next(session, job_id, settings=settings, now=utc_now())
            except PlanOvertakenError:
                return
