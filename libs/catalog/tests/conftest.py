"""Every test of the catalog runs on both databases."""

from collections.abc import AsyncIterator

import pytest

from mediamill_catalog.migrate import upgrade
from mediamill_database import Database


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a database without tables."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
async def database(empty_url: str) -> AsyncIterator[Database]:
    """Give a database with the schema of this release."""
    await upgrade(empty_url)
    database = Database(empty_url)
    yield database
    await database.close()
