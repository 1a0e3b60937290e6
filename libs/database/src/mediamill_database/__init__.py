"""Engine and transactions, the same on PostgreSQL and SQLite."""

from mediamill_database.availability import is_unavailable
from mediamill_database.database import Database

__all__ = ["Database", "is_unavailable"]
