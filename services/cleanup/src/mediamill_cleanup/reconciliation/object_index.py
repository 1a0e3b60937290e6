"""What stores hold, in a temporary file: a million objects take no more memory than a thousand."""

import sqlite3
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from mediamill_contracts.recipe import Store
from mediamill_storage.object_store import ObjectStat

_PRAGMAS = "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536;"
"""The file lives no longer than the process; 64 MB of it are kept in memory."""
_SCHEMA = """
CREATE TABLE object (
    store TEXT, key TEXT, size_bytes INTEGER, modified_at REAL, named INTEGER DEFAULT 0,
    PRIMARY KEY (store, key)
) WITHOUT ROWID;
CREATE TABLE protected (prefix TEXT PRIMARY KEY) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Found:
    """An object that no row has named so far."""

    store: Store
    key: str
    size_bytes: int
    modified_at: datetime


class ObjectIndex:
    """Objects by store and key, marked when a row names them; prefixes whose objects are in work."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.executescript(_SCHEMA)

    @classmethod
    @contextmanager
    def temporary(cls) -> Iterator[Self]:
        """Give an empty index, in the folder for temporary files; it is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="mediamill-reconcile-") as folder:
            connection = sqlite3.connect(Path(folder, "objects.sqlite3"), isolation_level=None)
            try:
                connection.executescript(_PRAGMAS)
                yield cls(connection)
            finally:
                connection.close()

    def add(self, store: Store, objects: Iterable[ObjectStat]) -> None:
        """Add what a store lists."""
        rows = ((store, found.key, found.size_bytes, found.modified_at.timestamp()) for found in objects)
        with self._transaction():
            self._connection.executemany(
                "INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?, 0)",
                rows,
            )

    def name(self, store: Store, keys: Collection[str]) -> set[str]:
        """Mark objects as named by a row, and return those of the keys that the store does not list."""
        found = set()
        with self._transaction():
            for key in keys:
                update = "UPDATE object SET named = 1 WHERE store = ? AND key = ?"
                if self._connection.execute(update, (store, key)).rowcount:
                    found.add(key)
        return set(keys) - found

    def protect(self, prefixes: Iterable[str]) -> None:
        """Keep the objects of media that are in work, whatever rows name of them yet."""
        with self._transaction():
            self._connection.executemany(
                "INSERT OR IGNORE INTO protected VALUES (?)", ((prefix,) for prefix in prefixes)
            )

    def is_protected(self, prefix: str) -> bool:
        """Return whether a medium with this prefix is in work."""
        query = "SELECT 1 FROM protected WHERE prefix = ?"
        return self._connection.execute(query, (prefix,)).fetchone() is not None

    def unnamed(self, size: int, *, before: datetime) -> Iterator[list[Found]]:
        """Yield the objects from before then that no row has named, a batch at a time."""
        last = ("", "")
        query = (
            "SELECT store, key, size_bytes, modified_at FROM object"
            " WHERE (store, key) > (?, ?) AND named = 0 AND modified_at < ? ORDER BY store, key LIMIT ?"
        )
        while batch := self._connection.execute(query, (*last, before.timestamp(), size)).fetchall():
            last = batch[-1][:2]
            yield [
                Found(store, key, size, datetime.fromtimestamp(modified_at, UTC))
                for store, key, size, modified_at in batch
            ]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")
