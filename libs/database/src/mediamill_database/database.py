"""Transactions with their intent in the name, the same on PostgreSQL and SQLite.

SQLite has one writer: write transactions queue on a lock in the process instead of on its busy timeout,
and begin with BEGIN IMMEDIATE so that a read never has to be upgraded half way. On PostgreSQL a read needs no
transaction: at READ COMMITTED each statement sees for itself what is committed, and one round trip does
instead of three.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from sqlalchemy import Executable, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.util import await_only

WAL_ATTEMPTS = 600
WAL_PAUSE_SECONDS = 0.05
CONNECT_SECONDS = 10.0
"""For a new connection to PostgreSQL."""
STATEMENT_SECONDS = 60.0
"""For one statement on PostgreSQL; none here takes nearly as long. A server that hangs, or a network that
fell silent, would else keep connections, and whoever waits for one, for a quarter of an hour and more."""
CommitListener = Callable[[AsyncSession], None]


class Database:
    """An engine and the two ways to use it: `read()` and `write()`."""

    def __init__(
        self, url: str, *, pool_size: int = 10, statement_seconds: float | None = STATEMENT_SECONDS
    ) -> None:
        """Use the database at `url`; on PostgreSQL a statement that takes longer raises TimeoutError."""
        self.engine = _create_engine(url, pool_size, statement_seconds)
        self.dialect = self.engine.dialect.name
        self._reading = _reading_view(self.engine, transactions=self.dialect == "sqlite")
        self._streaming = _reading_view(self.engine, transactions=True)
        self._writer = asyncio.Lock() if self.dialect == "sqlite" else None
        self._writing: set[asyncio.Task[Any] | None] = set()
        self._listeners: list[CommitListener] = []
        self.session_info: dict[str, Any] = {}
        """What `info` of each write session begins with: how parts of a process tell each other."""

    def on_commit(self, listener: CommitListener) -> None:
        """Call `listener` with the session after each committed write transaction."""
        self._listeners.append(listener)

    @asynccontextmanager
    async def read(self, *, row_by_row: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a session for reading; it raises RuntimeError for a statement that writes.

        `row_by_row` is for results that are streamed, which takes a transaction around them.
        """
        engine = self._streaming if row_by_row else self._reading
        async with AsyncSession(engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """Open a session whose transaction commits at the end of the block, or rolls back on an error.

        A cancellation that arrives during the commit takes effect when the commit has ended. Raises
        RuntimeError inside another `write()` of the same task: on SQLite the inner one would wait for the
        outer for ever.
        """
        async with (
            self._turn(),
            AsyncSession(self.engine, expire_on_commit=False, info=self.session_info) as session,
        ):
            await session.connection(execution_options={"mediamill_write": True})
            yield session
            await self._commit(session)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait until this task may write."""
        task = asyncio.current_task()
        if task in self._writing:
            raise RuntimeError("write() inside write() of the same task")
        self._writing.add(task)
        try:
            async with self._writer or nullcontext():
                yield
        finally:
            self._writing.discard(task)

    async def _commit(self, session: AsyncSession) -> None:
        """Commit to the end and tell the listeners, even when the caller is cancelled meanwhile."""
        commit = asyncio.ensure_future(session.commit())
        cancelled: asyncio.CancelledError | None = None
        while not commit.done():
            try:
                await asyncio.shield(commit)
            except asyncio.CancelledError as error:
                cancelled = error
        commit.result()
        for listener in self._listeners:
            listener(session)
        if cancelled is not None:
            raise cancelled

    async def check(self) -> None:
        """Make a round trip; raise when the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


def _reading_view(engine: AsyncEngine, *, transactions: bool) -> AsyncEngine:
    """Return the engine, with its connections, as those see it who only read."""
    view = engine.execution_options(**({} if transactions else {"isolation_level": "AUTOCOMMIT"}))

    @event.listens_for(view.sync_engine, "before_execute")
    def refuse_writes(_connection: Any, statement: Executable, *_: Any) -> None:
        if statement.is_dml:
            raise RuntimeError("a session for reading does not write")

    return view


def _create_engine(url: str, pool_size: int, statement_seconds: float | None) -> AsyncEngine:
    if not url.startswith("sqlite"):
        return create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            # Last in, first out: the few connections that are in use have their statements prepared.
            pool_use_lifo=True,
            connect_args={"timeout": CONNECT_SECONDS, "command_timeout": statement_seconds},
        )
    engine = create_async_engine(url, connect_args={"timeout": 30})

    @event.listens_for(engine.sync_engine, "connect")
    def configure(dbapi: DBAPIConnection, _record: Any) -> None:
        dbapi.isolation_level = None
        cursor = dbapi.cursor()
        _enter_wal(cursor)
        for pragma in ("synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        write = connection.get_execution_options().get("mediamill_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _enter_wal(cursor: DBAPICursor) -> None:
    """Switch the file to WAL, which lasts; SQLite refuses at once while another connection uses the file."""
    for attempt in range(WAL_ATTEMPTS):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if attempt == WAL_ATTEMPTS - 1:
                raise
            await_only(asyncio.sleep(WAL_PAUSE_SECONDS))
        else:
            return
