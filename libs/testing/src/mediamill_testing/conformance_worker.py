"""A process that handles messages until it is told to stop, or killed, or kills itself.

Each line of its journal is one system call: `start NUMBER ATTEMPT` and `end NUMBER`. A message with a
negative number kills the process in the middle of its handler, once the outbox is empty: what is not noted as
sent yet is sent again, as a copy with crashes of its own.
"""

import asyncio
import os
import signal
from pathlib import Path

from sqlalchemy import select

from mediamill_contracts.topology import RetryPolicy
from mediamill_database import Database
from mediamill_messaging.subscription import Delivery, Subscription, route
from mediamill_outbox.tables import outbox
from mediamill_testing.conformance_messages import Sample, queue
from mediamill_testing.transport_systems import TransportSystem
from mediamill_testing.waiting import eventually

MAX_CRASHES = 2
TOPIC = "crash"
WORK_SECONDS = 0.03


def run(system: TransportSystem, journal: Path, concurrency: int) -> None:
    """Run until SIGTERM, then stop gracefully."""
    asyncio.run(_run(system, journal, concurrency))


async def _run(system: TransportSystem, journal: Path, concurrency: int) -> None:
    descriptor = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    database = Database(system.database_url)

    async def all_sent() -> bool:
        async with database.read() as session:
            return (await session.execute(select(outbox.c.id))).first() is None

    async def handle(message: Sample, delivery: Delivery) -> None:
        os.write(descriptor, f"start {message.number} {delivery.attempt}\n".encode())
        if message.number < 0:
            await eventually(all_sent)
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(WORK_SECONDS)
        os.write(descriptor, f"end {message.number}\n".encode())

    work = queue(TOPIC, retry=RetryPolicy(max_crashes=MAX_CRASHES), concurrency=concurrency)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    transport = system.build(database, [Subscription(work, (route(Sample, handle),))])
    await transport.start()
    await stop.wait()
    await transport.stop(10)
    await database.close()
