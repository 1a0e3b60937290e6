"""Engine and transactions, the same on PostgreSQL and SQLite."""

from mediamill_database.database import Database

__all__ = ["Database"]
