"""The jobs in hand, so that one that nobody waits for any more can be stopped."""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

_REMEMBERED = 10_000
"""Cancelled jobs whose message may still be in a queue; a forgotten one is processed in vain, no more."""

T = TypeVar("T")


class RunningJobs:
    """Runs work under the id of its job. For one event loop."""

    def __init__(self) -> None:
        self._tasks: dict[UUID, asyncio.Task[Any]] = {}
        self._cancelled: OrderedDict[UUID, None] = OrderedDict()

    def cancel(self, job_id: UUID) -> None:
        """Stop the job's work, and never begin it here again."""
        self._cancelled[job_id] = None
        if len(self._cancelled) > _REMEMBERED:
            self._cancelled.popitem(last=False)
        task = self._tasks.get(job_id)
        if task is not None:
            task.cancel()

    async def run(self, job_id: UUID, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what the work returns, or None when the job was cancelled, before or meanwhile.

        When the caller itself is cancelled, the work is cancelled and the cancellation goes on.
        """
        if job_id in self._cancelled:
            work.close()
            return None
        task = asyncio.create_task(work)
        self._tasks[job_id] = task
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task])
            raise
        finally:
            del self._tasks[job_id]
        if task.cancelled() and job_id in self._cancelled:
            return None
        return task.result()
