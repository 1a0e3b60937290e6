"""The distributed form on real servers, as users and operators meet it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import pytest

from mediamill_client import MediamillClient
from mediamill_client.retry import RetryPolicy
from mediamill_database import Database
from mediamill_testing.servers.postgres import MIGRATED, PostgresServer
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.system import ADMIN_EMAIL, ADMIN_PASSWORD, MediamillSystem

PATIENT = RetryPolicy(attempts=100, first_pause=0.1, longest_pause=1.0)
"""A client that outlasts restarts of what it talks to."""


@pytest.fixture(scope="module")
def system(rabbitmq: RabbitServer, migrated_postgres: PostgresServer) -> Iterator[MediamillSystem]:
    """Run ingest, processor and notifier as processes, with a broker and a database of their own."""
    with rabbitmq.vhost() as vhost, migrated_postgres.database(MIGRATED) as database_url:
        system = MediamillSystem(
            broker_url=rabbitmq.url_of(vhost),
            database_url=database_url,
            environment={"CLEANUP_TEMPORARY_AGE_SECONDS": "10"},
        )
        with closing(system):
            yield system.start()


@pytest.fixture
async def client(system: MediamillSystem) -> AsyncIterator[MediamillClient]:
    """Sign a patient client in."""
    async with MediamillClient(system.ingest.url, events_url=system.notifier.url, retry=PATIENT) as client:
        await client.login(ADMIN_EMAIL, ADMIN_PASSWORD)
        yield client


@pytest.fixture
async def database(system: MediamillSystem) -> AsyncIterator[Database]:
    """Open the system's database, to look at what the API does not show."""
    database = Database(system.database_url)
    yield database
    await database.close()
