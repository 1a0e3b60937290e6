"""Runs the claimed deliveries of one queue, as many at once as its concurrency allows."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_database import Database
from mediamill_messaging.envelope import ORIGIN_KEY
from mediamill_messaging.outcome import Dead, Retry, decide
from mediamill_messaging.pipeline import Pipeline, report
from mediamill_messaging.subscription import Delivery, Subscription
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox import deliveries
from mediamill_outbox.dead_letters import DeadLetterEffect, record_dead_letter
from mediamill_outbox.deliveries import Postponed

BURIAL_PAUSE_SECONDS = 1.0
"""Wait before the next try when a dead letter could not be stored."""
NEVER = float("inf")

logger = structlog.get_logger(__name__)


@dataclass
class Outcomes:
    """What handlers ended with and the ledger has not written yet."""

    finished: list[int] = field(default_factory=list)
    postponed: list[Postponed] = field(default_factory=list)
    released: list[int] = field(default_factory=list)

    @contextmanager
    def take(self) -> Iterator[tuple[list[int], list[Postponed], list[int]]]:
        """Hand over all outcomes; they come back when the block fails."""
        taken = self.finished, self.postponed, self.released
        self.finished, self.postponed, self.released = [], [], []
        try:
            yield taken
        except BaseException:
            self.finished[:0], self.postponed[:0], self.released[:0] = taken
            raise


class QueueRunner:
    """One work queue of the embedded bus."""

    def __init__(
        self,
        database: Database,
        subscription: Subscription,
        outcomes: Outcomes,
        wake: asyncio.Event,
        effect: DeadLetterEffect | None,
    ) -> None:
        self._database = database
        self._name = subscription.queue.name
        self._policy = subscription.retry_policy
        self._limit = subscription.prefetch
        self._pipeline = Pipeline.of(subscription)
        self._outcomes = outcomes
        self._wake = wake
        self._effect = effect
        self._running: set[asyncio.Task[None]] = set()
        self._due = 0.0

    @property
    def next_due(self) -> float:
        """When a claim may find something, in Unix seconds; infinity while all places are taken."""
        return self._due if len(self._running) < self._limit else NEVER

    def expect(self, moment: float) -> None:
        """Note that a delivery is due at `moment`."""
        self._due = min(self._due, moment)

    async def claim(self, session: AsyncSession) -> Sequence[Row[Any]]:
        """Claim due deliveries for the free places, in the ledger's transaction."""
        free = self._limit - len(self._running)
        if free <= 0 or self._due > time.time():
            return ()
        self._due = NEVER
        rows = await deliveries.claim(session, self._name, free)
        self.expect(0 if len(rows) == free else await deliveries.next_due(session, self._name))
        for item in self._outcomes.postponed:  # ended during this transaction, which does not see them yet
            self.expect(item.available_at)
        return rows

    def run(self, rows: Sequence[Row[Any]]) -> None:
        """Start a task for each claimed delivery, after the claim has committed."""
        for row in rows:
            task = asyncio.create_task(self._run(row))
            self._running.add(task)
            task.add_done_callback(partial(self._ended, row.id))

    async def drain(self, deadline: float) -> None:
        """Wait for running handlers until `deadline` (monotonic seconds), then cancel them."""
        if self._running:
            await asyncio.wait(self._running, timeout=max(0.0, deadline - time.monotonic()))
        late = tuple(self._running)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _ended(self, row_id: int, task: asyncio.Task[None]) -> None:
        """Free the place; a cancelled delivery, even one that never began, is handed back untouched."""
        self._running.discard(task)
        if task.cancelled():
            self._outcomes.released.append(row_id)
            self.expect(0)
        self._wake.set()

    async def _run(self, row: Row[Any]) -> None:
        delivery = Delivery(
            queue=self._name,
            event_id=row.event_id,
            type=row.type,
            routing_key=row.headers.get(ORIGIN_KEY, row.routing_key),
            headers=row.headers,
            failures=row.failures,
            crashes=row.crashes,
        )
        try:
            await self._pipeline.handle(delivery, row.payload)
        except Exception as error:  # noqa: BLE001 - whatever it is, decide() judges it and report() logs it
            outcome = decide(error, self._policy, row.failures)
            report(delivery, outcome, error)
            if isinstance(outcome, Retry):
                self._postpone(Postponed(row.id, row.failures + outcome.counts, time.time() + outcome.delay))
            else:
                await self._bury(row, delivery, outcome)
        else:
            self._outcomes.finished.append(row.id)

    def _postpone(self, item: Postponed) -> None:
        self._outcomes.postponed.append(item)
        self.expect(item.available_at)

    async def _bury(self, row: Row[Any], delivery: Delivery, outcome: Dead) -> None:
        """Store the dead letter, apply its effect and end the delivery, all in one transaction."""
        letter = DeadLetter(
            queue=delivery.queue,
            event_id=delivery.event_id,
            type=delivery.type,
            routing_key=delivery.routing_key,
            payload=row.payload,
            headers=delivery.headers,
            code=outcome.code,
            error=outcome.error,
            failures=row.failures + 1,
        )
        while True:
            try:
                async with self._database.write() as session:
                    await record_dead_letter(session, letter, self._effect)
                    await deliveries.settle(session, [row.id], [], [])
            except Exception:
                logger.exception("dead letter could not be stored", queue=letter.queue, code=letter.code)
                await asyncio.sleep(BURIAL_PAUSE_SECONDS)
            else:
                return
