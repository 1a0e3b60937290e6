"""Tells a database that does not answer now from one whose answer is that something is wrong.

The first passes by itself, and whoever asked may be told to try again. What says so comes from the driver,
from the pool or from the operating system, each with errors of its own.
"""

import socket
import sqlite3

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_AWAY = (ConnectionError, TimeoutError, socket.gaierror, PoolTimeoutError)
_AWAY_CLASSES = frozenset({"08", "53", "57"})
"""SQLSTATE classes: connection lost, too few resources, operator at work (as in a restart)."""
_READ_ONLY = "25006"
"""The server has become somebody's replica: the next connection finds the new primary."""
_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)


def is_unavailable(error: BaseException) -> bool:
    """Return whether the error of a transaction says that its database cannot be used now."""
    if isinstance(error, _AWAY):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None) or ""
    primary_code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return (
        error.connection_invalidated
        or state[:2] in _AWAY_CLASSES
        or state == _READ_ONLY
        or primary_code in _SQLITE
    )
