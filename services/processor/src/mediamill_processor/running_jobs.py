"""The jobs in hand, so that one that nobody waits for any more can be stopped."""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

_REMEMBERED = 10_000
"""Cancelled jobs whose message may still be in a queue; a forgotten one is processed in vain, no more."""

T = TypeVar("T")


class JobCancelledError(Exception):
    """The job was cancelled before its work began, or its work was stopped."""


class RunningJobs:
    """Runs work under the id of its job, or of the job that it is a part of. For one event loop."""

    def __init__(self) -> None:
        self._tasks: dict[UUID, set[asyncio.Task[Any]]] = {}
        self._cancelled: OrderedDict[UUID, None] = OrderedDict()

    def cancel(self, job_id: UUID) -> None:
        """Stop the job's work, and never begin any of it here again."""
        self._cancelled[job_id] = None
        if len(self._cancelled) > _REMEMBERED:
            self._cancelled.popitem(last=False)
        for task in self._tasks.get(job_id, ()):
            task.cancel()

    async def run(self, job_id: UUID, work: Coroutine[Any, Any, T]) -> T:
        """Return what the work returns. Raises JobCancelledError, after the work has cleaned up.

        When the caller itself is cancelled, the work is cancelled and the cancellation goes on.
        """
        if job_id in self._cancelled:
            work.close()
            raise JobCancelledError
        task = asyncio.create_task(work)
        tasks = self._tasks.setdefault(job_id, set())
        tasks.add(task)
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task])
            raise
        finally:
            tasks.remove(task)
            if not tasks:
                self._tasks.pop(job_id, None)
        if job_id in self._cancelled and (task.cancelled() or task.exception() is not None):
            raise JobCancelledError
        return task.result()
