"""Counts that the queue page and the metrics show."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import JOBS
from mediamill_catalog.jobs import OPEN
from mediamill_catalog.tables import JobStatus


@dataclass(frozen=True)
class JobCount:
    """How many jobs of a type and lane have a status."""

    type: str
    lane: str
    status: JobStatus
    count: int


async def count_jobs(
    session: AsyncSession, statuses: Sequence[JobStatus] = tuple(JobStatus)
) -> list[JobCount]:
    """Return the counts that are not zero; finished jobs are many, leave them out where you can."""
    columns = (JOBS.c.type, JOBS.c.lane, JOBS.c.status)
    found = await session.execute(
        select(*columns, func.count()).where(JOBS.c.status.in_(statuses)).group_by(*columns)
    )
    return [JobCount(*row) for row in found]


async def count_open_jobs(session: AsyncSession, *, limit: int) -> int:
    """Return how many jobs have not ended, counting no further than `limit`."""
    few = select(JOBS.c.id).where(JOBS.c.status.in_(OPEN)).limit(limit).subquery()
    return (await session.execute(select(func.count()).select_from(few))).scalar_one()
