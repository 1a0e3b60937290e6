"""A messaging system under test, described so that any process can run it: a database, and maybe a broker."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from mediamill_database import Database
from mediamill_messaging.subscription import BroadcastSubscription, Subscription
from mediamill_outbox import DeadLetterEffect, EmbeddedBus
from mediamill_outbox.rabbit import OutboxRabbit
from mediamill_outbox.tables import dead_letter, embedded_delivery, outbox
from mediamill_testing.waiting import eventually

SERVICE = "conformance"


@dataclass
class DurableState:
    """What the database says about messages."""

    database: Database

    async def dead_letters(self) -> Sequence[Row[Any]]:
        """Return all dead letters, oldest first."""
        async with self.database.read() as session:
            return (await session.execute(select(dead_letter).order_by(dead_letter.c.id))).all()

    async def expect_dead_letters(self, count: int, seconds: float = 60.0) -> Sequence[Row[Any]]:
        """Wait for that many dead letters and return them."""
        found: list[Row[Any]] = []

        async def enough() -> bool:
            found[:] = await self.dead_letters()
            return len(found) >= count

        await eventually(enough, seconds)
        return found

    async def pending(self) -> int:
        """Count what the database still has to send or to deliver."""
        async with self.database.read() as session:
            waiting = (await session.execute(select(outbox.c.id))).all()
            delivering = (await session.execute(select(embedded_delivery.c.id))).all()
        return len(waiting) + len(delivering)


@dataclass
class RunningTransport(DurableState):
    """One process's transport and its connection to the database."""

    transport: EmbeddedBus | OutboxRabbit


@dataclass(frozen=True)
class TransportSystem:
    """Where the database is, and the broker; without a broker the embedded bus runs."""

    database_url: str
    broker_url: str | None = None

    def build(
        self,
        database: Database,
        subscriptions: Sequence[Subscription] = (),
        broadcasts: Sequence[BroadcastSubscription] = (),
        effect: DeadLetterEffect | None = None,
    ) -> EmbeddedBus | OutboxRabbit:
        """Build the transport as a service of the control plane does."""
        if self.broker_url is None:
            return EmbeddedBus(database, subscriptions, broadcasts, effect)
        return OutboxRabbit(
            database,
            self.broker_url,
            service=SERVICE,
            subscriptions=subscriptions,
            broadcasts=broadcasts,
            on_dead_letter=effect,
            collect_dead_letters=True,
        )

    @asynccontextmanager
    async def run(
        self,
        subscriptions: Sequence[Subscription] = (),
        broadcasts: Sequence[BroadcastSubscription] = (),
        effect: DeadLetterEffect | None = None,
        grace_seconds: float = 10.0,
    ) -> AsyncIterator[RunningTransport]:
        """Run a transport that is connected, and stop it at the end of the block."""
        database = Database(self.database_url)
        transport = self.build(database, subscriptions, broadcasts, effect)
        await transport.start()
        try:
            await eventually(lambda: _is_usable(transport))
            yield RunningTransport(database, transport)
        finally:
            await transport.stop(grace_seconds)
            await database.close()


async def _is_usable(transport: EmbeddedBus | OutboxRabbit) -> bool:
    try:
        await transport.check()
    except Exception as error:
        raise AssertionError(str(error)) from error
    return True
