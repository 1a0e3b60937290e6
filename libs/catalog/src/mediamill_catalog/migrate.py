"""Brings a database to the schema of this release, and tells whether one is there.

Several replicas may start at once: on PostgreSQL an advisory lock, on SQLite its one writer lets the first
migrate and the others find nothing left to do. A migration that fails leaves the schema as it was.
"""

import logging

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from mediamill_database import Database

_LOCK_ID = 0x6D656469616D696C
"""Key of the advisory lock: "mediamil" in ASCII, 64 bits."""

logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells at each look what kind of database it is
_log = logging.getLogger(__name__)


class SchemaNotCurrentError(Exception):
    """The database is not at the revision that this release was written for."""

    def __init__(self, found: str | None, needed: str | None) -> None:
        super().__init__(
            f"the database schema is at revision {found or 'none'} but this release needs {needed};"
            " run `mediamill-migrate` (or `make migrate`) first"
        )


async def upgrade(url: str) -> str | None:
    """Bring the database at `url` to the newest revision and return it; does nothing when it is there."""
    database = Database(url)
    try:
        async with database.write() as session:
            connection = await session.connection()
            if database.dialect == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK_ID})
            await connection.run_sync(_upgrade)
    finally:
        await database.close()
    return newest_revision()


async def require_current(database: Database) -> None:
    """Raise SchemaNotCurrentError unless the database is at the newest revision."""
    async with database.read() as session:
        found = await (await session.connection()).run_sync(_revision_of)
    if found != newest_revision():
        raise SchemaNotCurrentError(found, newest_revision())


def newest_revision() -> str | None:
    """Return the revision that this release was written for."""
    return ScriptDirectory.from_config(_configuration()).get_current_head()


def _configuration(connection: Connection | None = None) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", "mediamill_catalog:migrations")
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    return configuration


def _upgrade(connection: Connection) -> None:
    found = _revision_of(connection)
    command.upgrade(_configuration(connection), "head")
    if found != newest_revision():
        _log.info("database schema migrated from revision %s to %s", found or "none", newest_revision())


def _revision_of(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
