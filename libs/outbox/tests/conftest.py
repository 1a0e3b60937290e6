"""Fixtures: one database, of both kinds, with the tables of the durable side."""

import pytest

from mediamill_database import Database


@pytest.fixture
def database(either_database: Database) -> Database:
    """Run the test once on SQLite and once on PostgreSQL."""
    return either_database
