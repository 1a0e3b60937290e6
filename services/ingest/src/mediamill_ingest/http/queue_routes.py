"""Counts of jobs, for whoever wants to know how busy things are."""

from collections import defaultdict

from fastapi import APIRouter

from mediamill_catalog.calls import count_calls
from mediamill_catalog.statistics import count_jobs
from mediamill_catalog.tables import JobStatus
from mediamill_contracts.topology import DISPATCHER_CALLS
from mediamill_ingest.http.parts import Parts
from mediamill_ingest.http.schemas import QueueStats
from mediamill_ingest.job_queues import queue_of_job
from mediamill_web.identity import DOCUMENTED, Caller
from mediamill_web.responses import refusals

router = APIRouter(tags=["queues"], dependencies=DOCUMENTED)


@router.get("/api/queue/stats", responses=refusals(401))
async def queue_stats(parts: Parts, _caller: Caller) -> QueueStats:
    """Return how many jobs there are, by queue, by type and by status."""
    async with parts.database.read() as session:
        counts = await count_jobs(session)
        calls = await count_calls(session)
    by_queue: dict[str, dict[str, int]] = defaultdict(_zeros)
    by_type: dict[str, dict[str, int]] = defaultdict(_zeros)
    by_status = _zeros()
    for count in counts:
        for table in (by_queue[queue_of_job(count.type, count.lane)], by_type[count.type], by_status):
            table[count.status] += count.count
    for (kind, status), count_of_calls in calls.items():
        for table in (by_queue[DISPATCHER_CALLS.name], by_type[kind], by_status):
            table[status] += count_of_calls
    return QueueStats(queues=by_queue, types=by_type, statuses=by_status)


def _zeros() -> dict[str, int]:
    return {status.value: 0 for status in JobStatus}
