"""The newest report of each job, written down a few times a second instead of one by one.

Sockets get every report at once and without this detour; who polls the job sees it a little later. Reports
are advice: what is lost with the process, the next one or the result makes good.
"""

import asyncio
from uuid import UUID

import structlog

from mediamill_contracts.media import MediaProgressed
from mediamill_database import Database
from mediamill_ingest.usecases.record_progress import further, record_progress

WRITE_SECONDS = 1.0
"""Most pictures are ready sooner, and their reports never cost a transaction. Who polls is no faster."""

_log = structlog.get_logger(__name__)


class ProgressBoard:
    """Takes reports without waiting; a background task writes them."""

    def __init__(self, database: Database, *, write_seconds: float = WRITE_SECONDS) -> None:
        self._database = database
        self._write_seconds = write_seconds
        self._newest: dict[UUID, MediaProgressed] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, report: MediaProgressed) -> None:
        """Keep the report unless a further one of the same job is here already."""
        self._newest[report.job_id] = further(report, self._newest.get(report.job_id))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="progress-board")

    def forget(self, job_id: UUID) -> None:
        """Drop the report of a job that has ended."""
        self._newest.pop(job_id, None)

    async def _write(self) -> None:
        try:
            while self._newest:
                await asyncio.sleep(self._write_seconds)
                reports, self._newest = list(self._newest.values()), {}
                if reports:
                    await record_progress(self._database, reports)
        except Exception:  # noqa: BLE001 - whatever is wrong with advice must not spread
            _log.exception("progress was not written")
        finally:
            self._writing = None
