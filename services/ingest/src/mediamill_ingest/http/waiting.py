"""`Prefer: wait` (RFC 7240): a client that would poll at once may as well be answered a little later."""

import asyncio
import re
from collections.abc import Sequence
from uuid import UUID

from mediamill_catalog import jobs
from mediamill_catalog.statistics import count_open_jobs
from mediamill_ingest.http.parts import HttpParts
from mediamill_ingest.http.schemas import JobView
from mediamill_ingest.http.views import job_with_result

_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*(\d{1,4})\b")
_FIRST_LOOK_SECONDS = 0.03
_LATER_LOOKS_SECONDS = 0.25


def wanted_wait(prefer: Sequence[str]) -> int:
    """Return the seconds that the lines of a `Prefer` header ask to wait, 0 when they do not."""
    found = _WAIT.search(", ".join(prefer))
    return int(found.group(1)) if found else 0


async def finished_within(parts: HttpParts, job_id: UUID, seconds: float) -> JobView | None:
    """Return the job once it has ended; None when too many jobs are open, or the time is over before."""
    async with parts.database.read() as session:
        # The caller's own job is open, too.
        if (
            await count_open_jobs(session, limit=parts.limits.sync_threshold + 1)
            > parts.limits.sync_threshold
        ):
            return None
    pause = _FIRST_LOOK_SECONDS
    try:
        async with asyncio.timeout(min(seconds, parts.limits.max_wait_seconds)):
            while True:
                await asyncio.sleep(pause)
                pause = min(pause * 1.3, _LATER_LOOKS_SECONDS)
                job = await _ended(parts, job_id)
                if job is not None:
                    return job
    except TimeoutError:
        return None


async def _ended(parts: HttpParts, job_id: UUID) -> JobView | None:
    async with parts.database.read() as session:
        row = await jobs.find(session, job_id)
        if row is None or row.status in jobs.OPEN:
            return None
        return await job_with_result(session, row)
