"""A control-plane service takes work while the broker is down, and catches up when it is back."""

import asyncio

from mediamill_database import Database
from mediamill_testing.conformance_messages import Recorder, Sample, queue
from mediamill_testing.tcp_proxy import TcpProxy
from mediamill_testing.transport_systems import RunningTransport, TransportSystem
from mediamill_testing.waiting import eventually

RECONNECT_SECONDS = 60.0


async def test_the_outbox_grows_while_the_broker_is_down_and_drains_after(
    migrated_sqlite_url: str, rabbitmq_proxy: TcpProxy
) -> None:
    """A service that starts without its broker accepts events at once and sends them without a restart."""
    rabbitmq_proxy.go_away()
    system = TransportSystem(migrated_sqlite_url, rabbitmq_proxy.url)
    recorder = Recorder()
    database = Database(migrated_sqlite_url)
    transport = system.build(database, [recorder.on(queue("later"))])
    running = RunningTransport(database, transport)
    try:
        async with asyncio.timeout(60):
            await transport.start()
            for number in range(10):
                await transport.publisher.publish(Sample(topic="later", number=number))
        assert await running.pending() == 10
        rabbitmq_proxy.come_back()
        await eventually(lambda: sorted(recorder.numbers) == list(range(10)), RECONNECT_SECONDS)
        await eventually(lambda: _is_drained(running))
    finally:
        await transport.stop(5)
        await database.close()


async def _is_drained(running: RunningTransport) -> bool:
    return await running.pending() == 0
