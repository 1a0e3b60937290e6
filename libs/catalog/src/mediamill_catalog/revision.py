"""Which schema this release needs, and which one a database has.

Services ask at each start, so nothing here loads the machinery of `migrate.py`, which they never use.
"""

from importlib.resources import files

from sqlalchemy import Connection, inspect, text

from mediamill_database import Database

_KEPT_IN = "alembic_version"


class SchemaNotCurrentError(Exception):
    """The database is not at the revision that this release was written for."""

    def __init__(self, found: str | None, needed: str) -> None:
        super().__init__(
            f"the database schema is at revision {found or 'none'} but this release needs {needed};"
            " run `mediamill-migrate` (or `make migrate`) first"
        )


async def require_current(database: Database) -> None:
    """Raise SchemaNotCurrentError unless the database is at the newest revision."""
    async with database.read() as session:
        found = await (await session.connection()).run_sync(revision_of)
    if found != newest_revision():
        raise SchemaNotCurrentError(found, newest_revision())


def newest_revision() -> str:
    """Return the revision that this release was written for; its migration is in `v<revision>_<what>.py`."""
    names = (entry.name for entry in files("mediamill_catalog").joinpath("migrations", "versions").iterdir())
    return max(name[1:].partition("_")[0] for name in names if name.startswith("v") and name.endswith(".py"))


def revision_of(connection: Connection) -> str | None:
    """Return the revision that the database is at; None when it was never migrated."""
    if not inspect(connection).has_table(_KEPT_IN):
        return None
    return connection.execute(text(f"SELECT version_num FROM {_KEPT_IN}")).scalar()  # noqa: S608 - a constant
