"""A database that is away, or falls silent, ends what was asked of it, and is used again when it is back."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from mediamill_database import Database, is_unavailable
from mediamill_testing.ports import free_port

Silence = Callable[[bool], None]


@asynccontextmanager
async def _silent_on_demand(url: str) -> AsyncIterator[tuple[str, Silence]]:
    """Give the URL of a relay before the server, and how to keep it from passing anything on."""
    target, speaking = urlsplit(url), asyncio.Event()
    speaking.set()
    passing = set[asyncio.Task[None]]()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65_536):
            await speaking.wait()
            writer.write(piece)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(target.hostname, target.port)
        for each in (pass_on(reader, server_writer), pass_on(server_reader, writer)):
            passing.add(asyncio.create_task(each))

    relay = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = relay.sockets[0].getsockname()[1]
    try:
        yield (
            target._replace(netloc=f"{target.username}@127.0.0.1:{port}").geturl(),
            lambda silent: speaking.clear() if silent else speaking.set(),
        )
    finally:
        relay.close()
        for task in passing:
            task.cancel()


async def test_a_silent_server_is_not_waited_for_for_ever(postgres_url: str) -> None:
    """A statement and a commit amid silence end with an error, and the next ones find the server again."""

    async def read(database: Database) -> None:
        async with database.read() as session:
            await session.execute(text("SELECT 1"))

    async def write(database: Database) -> None:
        async with database.write() as session:
            await session.execute(text("CREATE TEMPORARY TABLE IF NOT EXISTS x (y int)"))

    async with _silent_on_demand(postgres_url) as (url, be_silent), asyncio.timeout(60):
        database = Database(url, pool_size=2, statement_seconds=0.2)
        for action in (read, write):
            await action(database)
            be_silent(True)
            assert await _is_away(action, database)
            be_silent(False)
            await action(database)
        await database.close()


async def _is_away(action: Callable[[Database], Awaitable[None]], database: Database) -> bool:
    try:
        await action(database)
    except Exception as error:  # noqa: BLE001 - which one is what is asked
        return is_unavailable(error)
    return False


async def test_who_asks_can_tell_an_outage_from_a_mistake(postgres_url: str) -> None:
    """A server that is gone or ends the connection may be asked again; a statement it refuses may not."""
    gone = Database(f"postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/none")
    database = Database(postgres_url)

    async def ask(statement: str) -> BaseException | None:
        async with database.read() as session:
            try:
                await session.execute(text(statement))
            except DBAPIError as error:
                return error
        return None

    assert await _is_away(Database.check, gone)
    ended, refused = await ask("SELECT pg_terminate_backend(pg_backend_pid())"), await ask("SELECT nonsense")
    assert isinstance(ended, DBAPIError)
    assert is_unavailable(ended)
    assert isinstance(refused, DBAPIError)
    assert not is_unavailable(refused)
    for each in (gone, database):
        await each.close()


@pytest.mark.parametrize(
    ("code", "is_away"), [(sqlite3.SQLITE_BUSY, True), (sqlite3.SQLITE_IOERR_READ, True), (1, False)]
)
def test_of_sqlite_too(code: int, is_away: bool) -> None:
    """A locked file or a broken disk may pass, an unknown table does not."""
    original = sqlite3.OperationalError()
    original.sqlite_errorcode = code
    assert is_unavailable(DBAPIError("SELECT 1", None, original)) is is_away
    assert not is_unavailable(IntegrityError("INSERT", None, sqlite3.IntegrityError()))
