"""Every test of the catalog runs on both databases."""

from collections.abc import AsyncIterator

import pytest

from mediamill_database import Database

from .sync_bench import Clock, SyncBench


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a database without tables."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(params=["sqlite", "postgres"], ids=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """Give a database with the schema of this release."""
    database = Database(request.getfixturevalue(f"migrated_{request.param}_url"))
    yield database
    await database.close()


@pytest.fixture
def bench(database: Database) -> SyncBench:
    """Give a bench for sync jobs."""
    return SyncBench(database, Clock())
