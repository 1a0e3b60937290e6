"""Which runs are not wanted any more: those in hand are told at once, others when they come."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from mediamill_contracts.sync import SyncCancelled

REMEMBERED = 10_000
"""Batches whose cancellation is kept in mind. What is forgotten is told again when the run reports."""


class Cancellations:
    """Runs of batch jobs that were cancelled, by the newest run of each."""

    def __init__(self) -> None:
        self._cancelled: OrderedDict[UUID, int] = OrderedDict()
        self._in_hand: dict[asyncio.Event, tuple[UUID, int]] = {}

    def note(self, event: SyncCancelled) -> None:
        """Remember, and stop what is in hand."""
        for each in event.runs:
            self._cancelled[each.sync_job_id] = max(each.run, self._cancelled.get(each.sync_job_id, 0))
            self._cancelled.move_to_end(each.sync_job_id)
        while len(self._cancelled) > REMEMBERED:
            self._cancelled.popitem(last=False)
        for stop, (job_id, run) in self._in_hand.items():
            if self._is_cancelled(job_id, run):
                stop.set()

    @contextmanager
    def watch(self, job_id: UUID, run: int) -> Iterator[asyncio.Event]:
        """Give an event that is set as soon as this run is cancelled; it may be so from the start."""
        stop = asyncio.Event()
        if self._is_cancelled(job_id, run):
            stop.set()
        self._in_hand[stop] = (job_id, run)
        try:
            yield stop
        finally:
            del self._in_hand[stop]

    def _is_cancelled(self, job_id: UUID, run: int) -> bool:
        return run <= self._cancelled.get(job_id, -1)
