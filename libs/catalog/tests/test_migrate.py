"""Migrations give exactly the schema that the tables describe, and may be started by many at once."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from mediamill_catalog.metadata import METADATA
from mediamill_catalog.migrate import upgrade
from mediamill_catalog.revision import SchemaNotCurrentError, newest_revision, require_current, revision_of
from mediamill_database import Database


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    return list(compare_metadata(context, METADATA))


async def test_migrated_schema_is_what_the_tables_describe(database: Database) -> None:
    """A column, index or default that only one side has shows up here."""
    async with database.engine.connect() as connection:
        assert await connection.run_sync(_differences) == []


async def test_replicas_may_migrate_at_once_and_again(empty_url: str) -> None:
    """All of them succeed, whoever came first, and a later start changes nothing."""
    assert await asyncio.gather(*(upgrade(empty_url) for _ in range(4))) == [newest_revision()] * 4
    assert await upgrade(empty_url) == newest_revision()


async def test_service_says_what_to_do_when_schema_is_missing(empty_url: str) -> None:
    """The error names both revisions and the command, and checking creates nothing."""
    database = Database(empty_url)
    with pytest.raises(SchemaNotCurrentError, match=r"revision none .* needs 0008; run `mediamill-migrate`"):
        await require_current(database)
    async with database.engine.connect() as connection:
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == []
    await database.close()


async def test_current_schema_is_recognised(database: Database) -> None:
    """After a migration the check passes, since it and the migration tool agree on where the schema is."""
    await require_current(database)
    async with database.engine.connect() as connection:
        applied = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_heads())
        assert applied == (await connection.run_sync(revision_of),)
