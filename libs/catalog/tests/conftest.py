"""Every test of the catalog runs on both databases."""

import pytest

from mediamill_database import Database

from .sync_bench import Clock, SyncBench


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a database without tables."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def database(either_database: Database) -> Database:
    """Test on both kinds of database."""
    return either_database


@pytest.fixture
def bench(database: Database) -> SyncBench:
    """Give a bench for sync jobs."""
    return SyncBench(database, Clock())
