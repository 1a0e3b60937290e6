"""Fixtures: one database, of both kinds, with the tables of the durable side."""

from collections.abc import AsyncIterator

import pytest
from sqlmodel import SQLModel

from mediamill_database import Database


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """Run the test once on SQLite and once on PostgreSQL."""
    database = Database(request.getfixturevalue(f"{request.param}_url"))
    async with database.engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    yield database
    await database.close()
