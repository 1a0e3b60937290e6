"""The distributed form on real servers, as users and operators meet it."""

from collections.abc import AsyncIterator

import pytest

from mediamill_client import MediamillClient
from mediamill_client.retry import RetryPolicy
from mediamill_database import Database
from mediamill_testing.system import ADMIN_EMAIL, ADMIN_PASSWORD, MediamillSystem

PATIENT = RetryPolicy(attempts=100, first_pause=0.1, longest_pause=1.0)
"""A client that outlasts restarts of what it talks to."""


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
