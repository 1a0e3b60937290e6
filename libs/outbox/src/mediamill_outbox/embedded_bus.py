"""The broker inside the process: durable queues, retries and dead letters on the service's own database.

One task, the ledger, does all the writing. Each round is one transaction: outcomes of handlers that ended,
outbox rows fanned out to queues, due deliveries claimed. While a round commits, the next one gathers, so a
busy bus writes many messages with one commit and an idle one answers at once.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_database import Database
from mediamill_messaging.broadcasts import BroadcastRunner
from mediamill_messaging.envelope import Envelope
from mediamill_messaging.errors import UnroutableError
from mediamill_messaging.subscription import BroadcastSubscription, Delivery, Subscription
from mediamill_outbox import deliveries
from mediamill_outbox.dead_letters import DeadLetterEffect
from mediamill_outbox.emit import OutboxPublisher, has_emitted
from mediamill_outbox.fan_out import Router, Targets, take_outbox
from mediamill_outbox.gauges import OutboxGauges
from mediamill_outbox.queue_runner import Outcomes, QueueRunner
from mediamill_outbox.unroutable import bury_unroutable

BATCH = 200
"""Outbox rows fanned out in one transaction."""
POLL_SECONDS = 1.0
"""Safety net: rows are seen this late at most when a wake-up was missed."""

logger = structlog.get_logger(__name__)
_Fanned = list[tuple[Targets, Row[Any]]]


class EmbeddedBus:
    """A Transport without a broker. One process runs the deliveries of a database.

    `publisher` is what handlers that were built before the bus publish with. `takes_outbox` is asked in each
    round whether outbox rows are for this bus now; None means always and all.
    """

    def __init__(
        self,
        database: Database,
        subscriptions: Sequence[Subscription] = (),
        broadcasts: Sequence[BroadcastSubscription] = (),
        on_dead_letter: DeadLetterEffect | None = None,
        *,
        publisher: OutboxPublisher | None = None,
        takes_outbox: Callable[[], bool] | None = None,
    ) -> None:
        self.publisher = publisher or OutboxPublisher(database)
        self.publisher.attach(self._tell)
        self._database = database
        self._effect = on_dead_letter
        self._takes_outbox = takes_outbox
        self._wake = asyncio.Event()
        self._outcomes = Outcomes()
        self._queues = {
            item.queue.name: QueueRunner(database, item, self._outcomes, self._wake, on_dead_letter)
            for item in subscriptions
        }
        self._broadcasts = {item.broadcast.name: BroadcastRunner(item) for item in broadcasts}
        self._router = Router((s.queue for s in subscriptions), (b.broadcast for b in broadcasts))
        self._gauges = OutboxGauges(database)
        self._ledger: asyncio.Task[None] | None = None
        self._in_round = asyncio.Lock()
        self._accepting = False
        self._closed = False
        database.on_commit(self._on_commit)

    async def start(self) -> None:
        """Begin to work in the background; a database that is not there yet is waited for."""
        self._accepting, self._closed = True, False
        for runner in self._broadcasts.values():
            runner.start()
        self._gauges.start()
        self._ledger = asyncio.create_task(self._keep_ledger(), name="embedded-bus")

    async def stop(self, grace_seconds: float) -> None:
        """Claim nothing more, let handlers end within the grace time and make their outcomes durable.

        Handlers that are still running then are cancelled; their deliveries are due again at the next start.
        """
        deadline = time.monotonic() + grace_seconds
        self._accepting = False
        async with self._in_round:
            pass  # whatever it claimed is running now
        await asyncio.gather(*(queue.drain(deadline) for queue in self._queues.values()))
        await asyncio.gather(*(runner.stop(deadline) for runner in self._broadcasts.values()))
        self._closed = True
        self._wake.set()
        if self._ledger is not None:
            await self._ledger
        await self._gauges.stop()

    async def check(self) -> None:
        """Raise when the database does not answer or the bus is not running."""
        if self._ledger is None or self._ledger.done():
            raise RuntimeError("the embedded bus is not running")
        await self._database.check()

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    def _on_commit(self, session: AsyncSession) -> None:
        if has_emitted(session):
            self._wake.set()

    async def _keep_ledger(self) -> None:
        recovered = False
        while True:
            self._wake.clear()
            closing = self._closed
            try:
                if not recovered:
                    await self._recover()
                    recovered = True
                more = await self._round()
            except Exception:
                logger.exception("embedded bus could not write; trying again")
                for queue in self._queues.values():
                    queue.expect(0)
                if closing:
                    return
                await asyncio.sleep(POLL_SECONDS)
                continue
            if closing:
                return
            if not more:
                await self._wait()

    async def _recover(self) -> None:
        async with self._database.write() as session:
            count = await deliveries.recover(session)
        if count:
            logger.warning("deliveries were running when the process ended", count=count)

    async def _round(self) -> bool:
        """Write one transaction; True when another one has work to do at once."""
        async with self._in_round:
            with self._outcomes.take() as outcomes:
                async with self._database.write() as session:
                    await deliveries.settle(session, *outcomes)
                    fanned = await self._fan_out(session) if self._accepting else []
                    queues = self._queues.values() if self._accepting else ()
                    claims = [(queue, await queue.claim(session)) for queue in queues]
            for targets, row in fanned:
                self._broadcast(targets, row)
            for queue, rows in claims:
                queue.run(rows)
            return len(fanned) == BATCH

    async def _tell(self, envelope: Envelope) -> None:
        """Pass an announcement on in memory: a message without a promise costs no transaction."""
        self._broadcast(self._router.targets(envelope.exchange, envelope.routing_key), envelope)

    def _broadcast(self, targets: Targets, message: Row[Any] | Envelope) -> None:
        for name in targets.broadcasts:
            delivery = Delivery(name, message.event_id, message.type, message.routing_key, message.headers)
            self._broadcasts[name].put(delivery, message.payload)

    async def _fan_out(self, session: AsyncSession) -> _Fanned:
        if self._takes_outbox is not None and not self._takes_outbox():
            return []
        rows = await take_outbox(session, BATCH, only_undecided=self._takes_outbox is not None)
        fanned = [(self._router.targets(row.exchange, row.routing_key), row) for row in rows]
        await deliveries.add(session, [(queue, row) for targets, row in fanned for queue in targets.queues])
        for targets, row in fanned:
            if not targets:
                await bury_unroutable(session, row, UnroutableError(row.routing_key), self._effect)
            for name in targets.queues:
                if name in self._queues:
                    self._queues[name].expect(time.time())
        return fanned

    async def _wait(self) -> None:
        due = min((queue.next_due for queue in self._queues.values()), default=float("inf"))
        timeout = max(0.0, min(POLL_SECONDS, due - time.time()))
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            pass
