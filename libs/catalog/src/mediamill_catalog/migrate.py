"""Brings a database to the schema of this release.

Several replicas may start at once: on PostgreSQL an advisory lock, on SQLite its one writer lets the first
migrate and the others find nothing left to do. A migration that fails leaves the schema as it was.
"""

import logging

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from mediamill_catalog.revision import newest_revision, revision_of
from mediamill_database import Database

_LOCK_ID = 0x6D656469616D696C
"""Key of the advisory lock: "mediamil" in ASCII, 64 bits."""

logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells at each look what kind of database it is
_log = logging.getLogger(__name__)


async def upgrade(url: str) -> str:
    """Bring the database at `url` to the newest revision and return it; does nothing when it is there.

    However long it takes: large tables, and another replica that is at it.
    """
    database = Database(url, statement_seconds=None)
    try:
        async with database.write() as session:
            connection = await session.connection()
            if database.dialect == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK_ID})
            await connection.run_sync(_upgrade)
    finally:
        await database.close()
    return newest_revision()


def _configuration(connection: Connection | None = None) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", "mediamill_catalog:migrations")
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    return configuration


def _upgrade(connection: Connection) -> None:
    found = revision_of(connection)
    command.upgrade(_configuration(connection), "head")
    if found != newest_revision():
        _log.info("database schema migrated from revision %s to %s", found or "none", newest_revision())
