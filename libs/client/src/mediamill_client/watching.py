"""Follows jobs to their end: one loop over the job endpoint, hurried along by live hints if there are any."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from mediamill_client.models import Job

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0
LIVE_PAUSE = 5.0
"""Seconds between looks while hints come by themselves: only for hints that were lost."""
LOOKS_AT_ONCE = 8

Fetch = Callable[[UUID], Awaitable[Job]]


@dataclass(frozen=True)
class Hint:
    """Something happened to a job or medium; all None when a connection came and anything may have."""

    job_id: UUID | None = None
    media_id: UUID | None = None
    progress: int | None = None


class Hints(Protocol):
    """Where hints come from."""

    @property
    def connected(self) -> bool:
        """Whether hints can be expected to come by themselves."""

    async def next(self, seconds: float) -> Hint | None:
        """Return the next hint, or None when none came within `seconds`."""


class Watcher:
    """What is known of the watched jobs, and which of them may have changed."""

    def __init__(self, job_ids: Iterable[UUID], fetch: Fetch, live: Hints | None) -> None:
        self._fetch = fetch
        self._live = live
        self._known: dict[UUID, Job | None] = dict.fromkeys(job_ids)
        self._all_due = time.monotonic() + LIVE_PAUSE
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def changes(self) -> AsyncIterator[Job]:
        """Yield each job whenever it changed, first as it is now; end when all are finished."""
        pause = FIRST_PAUSE
        look_at = self._unfinished()
        while self._unfinished():
            for job in await asyncio.gather(*map(self._look, look_at)):
                if self._learn(job):
                    pause = FIRST_PAUSE
                    yield job
            if not self._unfinished():
                break
            hint = await self._wait(pause)
            pause = min(LONGEST_PAUSE, pause * 1.5)
            while hint is not None and (moved := self._advance(hint)) is not None:
                yield moved
                hint = await self._wait(pause)
            look_at = self._concerned(hint)

    async def _look(self, job_id: UUID) -> Job:
        async with self._looks:
            return await self._fetch(job_id)

    async def _wait(self, pause: float) -> Hint | None:
        if self._live is None:
            await asyncio.sleep(pause)
            return None
        return await self._live.next(LIVE_PAUSE if self._live.connected else pause)

    def _unfinished(self) -> list[UUID]:
        return [job_id for job_id, job in self._known.items() if job is None or not job.finished]

    def _learn(self, job: Job) -> bool:
        changed = self._known[job.job_id] != job
        self._known[job.job_id] = job
        return changed

    def _advance(self, hint: Hint) -> Job | None:
        """Return the job as a progress hint alone makes it, or None when the hint calls for a look."""
        job = self._known.get(hint.job_id) if hint.job_id is not None else None
        if job is None or job.finished:
            return None
        if hint.progress is None or not job.progress < hint.progress < 100:
            return None
        job = job.model_copy(update={"progress": hint.progress, "status": "active"})
        self._known[job.job_id] = job
        return job

    def _concerned(self, hint: Hint | None) -> list[UUID]:
        """Return the unfinished jobs to look at: those that a hint names; all without one or when due."""
        unfinished = self._unfinished()
        if hint is None or hint == Hint() or time.monotonic() >= self._all_due:
            self._all_due = time.monotonic() + LIVE_PAUSE
            return unfinished
        return [
            job_id for job_id in unfinished if job_id == hint.job_id or self._is_of(job_id, hint.media_id)
        ]

    def _is_of(self, job_id: UUID, media_id: UUID | None) -> bool:
        job = self._known[job_id]
        return job is not None and job.media_id == media_id
