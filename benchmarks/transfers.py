"""The two services that move media between stores, with an S3 server, for measuring."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from mediamill_catalog.migrate import upgrade
from mediamill_outbox.rabbit import OutboxRabbit
from mediamill_testing.servers.postgres import PostgresServer
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.servers.s3 import S3Server
from mediamill_testing.transfers import Operator, TransferSystem


@asynccontextmanager
async def transfers_running(rabbitmq: RabbitServer, postgres: PostgresServer) -> AsyncIterator[Operator]:
    """Start them on running servers, with a queue tree, a database and a bucket of their own.

    What the operator asks for is sent out when it is committed, as the console does it.
    """
    server = S3Server()
    server.start()
    try:
        database = f"transfers_{uuid4().hex}"
        postgres.execute(f"CREATE DATABASE {database} TEMPLATE template0")
        database_url = postgres.url_of(database)
        await upgrade(database_url)
        with rabbitmq.vhost() as vhost, server.bucket() as bucket:
            system = TransferSystem(
                broker_url=rabbitmq.url_of(vhost),
                database_url=database_url,
                bucket=bucket,
                credentials=server.credentials,
            )
            operator = Operator(system, server.url)
            console = OutboxRabbit(operator.database, system.broker_url, service="console")
            try:
                await asyncio.to_thread(system.start)
                await console.start()
                yield operator
            finally:
                await console.stop(grace_seconds=1)
                await operator.close()
                system.close()
    finally:
        server.close()
