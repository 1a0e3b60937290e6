"""Carries out duties when they are due, each by one of the replicas.

A look at the table every few seconds costs one small read; a transaction is made only for what is due.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from mediamill_catalog import schedules
from mediamill_catalog.tables import utc_now
from mediamill_cleanup.duty import Duty, Run
from mediamill_cleanup.metrics import OVERDUE, count_run
from mediamill_cleanup.report import Report
from mediamill_contracts.ids import new_id
from mediamill_database import Database

POLL_SECONDS = 5.0
"""How late a duty begins at most."""
CLAIM_SECONDS = 90.0
"""After this long without a renewal another replica takes over; far more than clocks differ."""
RENEWALS_PER_CLAIM = 4
RETRY_AFTER = timedelta(minutes=5)
"""When a duty that failed is tried again, unless it is due sooner anyway."""
LIMIT_SECONDS = 6 * 3600.0
"""A run that takes longer than this hangs; it is ended as failed."""

Clock = Callable[[], datetime]
logger = structlog.get_logger(__name__)


class Scheduler:
    """Runs the duties of one process; any number of processes may have the same duties."""

    def __init__(
        self,
        database: Database,
        duties: Sequence[Duty],
        *,
        clock: Clock = utc_now,
        claim_seconds: float = CLAIM_SECONDS,
    ) -> None:
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{new_id().hex[-8:]}"[-128:]
        self._database = database
        self._duties = {duty.name: duty for duty in duties}
        self._clock = clock
        self._claim_seconds = claim_seconds
        self._planned = False
        self._loop: asyncio.Task[None] | None = None
        self._runs: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin in the background; a database that is away is waited for."""
        self._loop = asyncio.create_task(self._keep_looking(), name="cleanup-scheduler")

    async def stop(self) -> None:
        """End what is running; its duties stay due, for another replica or the next start."""
        tasks = [*self._runs, *([self._loop] if self._loop else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def tick(self) -> None:
        """Claim what is due now and begin it."""
        now = self._clock()
        if not self._planned:
            await self._plan(now)
        async with self._database.read() as session:
            rows = {row.name: row.due_at for row in await schedules.find_all(session)}
            due = [name for name in await schedules.due_names(session, now=now) if name in self._duties]
        for name in self._duties:
            late = now - (rows.get(name) or now)
            OVERDUE.labels(name).set(max(0.0, late.total_seconds()))
        for name in due:
            async with self._database.write() as session:
                mine = await schedules.claim(session, name, self.holder, now=now, until=self._until())
            if mine:
                self._begin(self._duties[name])

    async def idle(self) -> None:
        """Wait until nothing is running here."""
        while self._runs:
            await asyncio.wait(self._runs)

    async def run_now(self, duty: Duty, *, dry_run: bool) -> Report | None:
        """Carry a duty out whether it is due or not; None when another process is at it.

        A dry run changes nothing, not even the schedule.
        """
        run = Run(self._clock(), dry_run)
        if dry_run:
            return await duty.perform(run)
        async with self._database.write() as session:
            await schedules.plan(session, duty.name, duty.timetable.next_after(run.now), now=run.now)
            if not await schedules.claim(
                session, duty.name, self.holder, now=run.now, until=self._until(), only_due=False
            ):
                return None
        return await self._carry_out(duty, run)

    async def _keep_looking(self) -> None:
        while True:
            try:
                await self.tick()
            except Exception:
                logger.exception("the schedule could not be read; trying again")
            await asyncio.sleep(POLL_SECONDS)

    async def _plan(self, now: datetime) -> None:
        async with self._database.write() as session:
            for duty in self._duties.values():
                await schedules.plan(session, duty.name, duty.timetable.next_after(now), now=now)
        self._planned = True

    def _begin(self, duty: Duty) -> None:
        task = asyncio.create_task(self._run(duty), name=f"cleanup-{duty.name}")
        self._runs.add(task)
        task.add_done_callback(self._runs.discard)

    async def _run(self, duty: Duty) -> None:
        try:
            await self._carry_out(duty, Run(self._clock()))
        except Exception:
            logger.exception("duty failed; it is tried again", duty=duty.name)

    async def _carry_out(self, duty: Duty, run: Run) -> Report | None:
        """Perform while the claim is kept, and settle it; None when it was lost on the way."""
        started = time.monotonic()
        try:
            report = await self._perform(duty, run)
        except asyncio.CancelledError:
            await self._release(duty.name)
            raise
        except Exception as error:
            count_run(duty.name, "failed", time.monotonic() - started)
            await self._settle(duty, {"error": f"{type(error).__name__}: {error}"[:2_000]}, failed=True)
            raise
        seconds = time.monotonic() - started
        if report is None:
            count_run(duty.name, "lost", seconds)
            logger.warning("another process took the duty over", duty=duty.name)
            return None
        await self._settle(duty, report.as_dict() | {"seconds": round(seconds, 3)})
        count_run(duty.name, "done", seconds, report)
        done = {what: number for what, number in report.counts.items() if number}
        log = logger.info if done or report.notes else logger.debug
        log("duty done", duty=duty.name, bytes_freed=report.bytes_freed, notes=report.notes, **done)
        return report

    async def _perform(self, duty: Duty, run: Run) -> Report | None:
        work = asyncio.ensure_future(duty.perform(run))
        keeping = asyncio.create_task(self._keep_claim(duty.name))
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                await asyncio.wait({work, keeping}, return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else None
        finally:
            work.cancel()
            keeping.cancel()
            await asyncio.gather(work, keeping, return_exceptions=True)

    async def _keep_claim(self, name: str) -> None:
        """Return when the claim is another's; a database that is away for a while takes nothing away."""
        while True:
            await asyncio.sleep(self._claim_seconds / RENEWALS_PER_CLAIM)
            try:
                async with self._database.write() as session:
                    if not await schedules.renew(session, name, self.holder, until=self._until()):
                        return
            except Exception:
                logger.exception("the claim could not be renewed; trying again", duty=name)

    async def _settle(self, duty: Duty, report: dict[str, object], *, failed: bool = False) -> None:
        now = self._clock()
        due_at = duty.timetable.next_after(now)
        if failed and due_at is not None:
            due_at = min(due_at, now + RETRY_AFTER)
        async with self._database.write() as session:
            await schedules.finish(session, duty.name, self.holder, due_at=due_at, report=report, now=now)

    async def _release(self, name: str) -> None:
        async with self._database.write() as session:
            await schedules.release(session, name, self.holder)

    def _until(self) -> datetime:
        return self._clock() + timedelta(seconds=self._claim_seconds)
