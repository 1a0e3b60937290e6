"""Transactions behave the same on both databases, also when they fail or are cancelled."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_database import Database
from mediamill_testing.ports import free_port

counter = Table("counter", MetaData(), Column("id", Integer, primary_key=True), Column("value", Integer))


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """Run the test once on SQLite and once on PostgreSQL."""
    database = Database(request.getfixturevalue(f"{request.param}_url"))
    async with database.engine.begin() as connection:
        await connection.run_sync(counter.metadata.create_all)
        await connection.execute(insert(counter).values(id=1, value=0))
    yield database
    await database.close()


async def test_a_write_is_there_after_its_block(database: Database) -> None:
    """What a block wrote is committed once, at its end."""
    async with database.write() as session:
        await session.execute(update(counter).values(value=5))
    assert await _value(database) == 5


async def test_a_failed_block_leaves_nothing(database: Database) -> None:
    """An error inside the block undoes all of it and reaches the caller."""

    async def fail_half_way() -> None:
        async with database.write() as session:
            await session.execute(update(counter).values(value=5))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_half_way()
    assert await _value(database) == 0


@pytest.mark.parametrize("row_by_row", [False, True])
async def test_a_read_does_not_write(database: Database, row_by_row: bool) -> None:
    """A statement that slipped into a reading block is refused, and others are answered."""
    async with database.read(row_by_row=row_by_row) as session:
        assert (await session.execute(select(counter.c.value))).scalar_one() == 0
        with pytest.raises(RuntimeError, match="does not write"):
            await session.execute(update(counter).values(value=5))
    assert await _value(database) == 0


async def test_results_can_be_read_row_by_row(database: Database) -> None:
    """A long result need not fit into memory."""
    async with database.read(row_by_row=True) as session:
        rows = [row async for row in await session.stream(select(counter.c.id, counter.c.value))]
    assert rows == [(1, 0)]


async def test_concurrent_increments_are_all_counted(database: Database) -> None:
    """Writers of one row wait for each other instead of failing or losing an update."""

    async def increment() -> None:
        async with database.write() as session:
            await session.execute(update(counter).values(value=counter.c.value + 1))

    await asyncio.gather(*(increment() for _ in range(50)))
    assert await _value(database) == 50


async def test_two_processes_may_write_to_one_sqlite_file(sqlite_url: str) -> None:
    """Writers that share no lock wait for each other on the file."""
    databases = [Database(sqlite_url), Database(sqlite_url)]
    async with databases[0].engine.begin() as connection:
        await connection.run_sync(counter.metadata.create_all)
        await connection.execute(insert(counter).values(id=1, value=0))

    async def increment(database: Database) -> None:
        async with database.write() as session:
            value = (await session.execute(select(counter.c.value))).scalar_one()
            await session.execute(update(counter).values(value=value + 1))

    await asyncio.gather(*(increment(database) for database in databases * 10))
    assert await _value(databases[0]) == 20
    for database in databases:
        await database.close()


async def test_readers_go_on_while_a_writer_is_busy(database: Database) -> None:
    """A reader sees the last committed state without waiting for the writer."""
    async with database.write() as session:
        await session.execute(update(counter).values(value=5))
        async with asyncio.timeout(60):
            assert await _value(database) == 0


async def test_listeners_hear_of_commits_only(database: Database) -> None:
    """A listener gets the session of each committed write, and hears nothing of failures and reads."""
    heard: list[AsyncSession] = []
    database.on_commit(heard.append)
    async with database.write() as session:
        session.info["mark"] = "yes"
    with pytest.raises(SQLAlchemyError):
        async with database.write() as session:
            await session.execute(insert(counter).values(id=1))
    await _value(database)
    assert [session.info["mark"] for session in heard] == ["yes"]


async def test_a_cancellation_during_the_commit_comes_after_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that has begun ends, its listeners hear of it, and only then is the caller cancelled."""
    heard: list[AsyncSession] = []
    database.on_commit(heard.append)
    committing, go_on = asyncio.Event(), asyncio.Event()
    commit = AsyncSession.commit

    async def slow_commit(session: AsyncSession) -> None:
        committing.set()
        await go_on.wait()
        await commit(session)

    monkeypatch.setattr(AsyncSession, "commit", slow_commit)

    async def write() -> None:
        async with database.write() as session:
            await session.execute(update(counter).values(value=5))

    task = asyncio.create_task(write())
    await committing.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(heard) == 1
    assert await _value(database) == 5


async def test_a_cancelled_block_frees_the_writer(database: Database) -> None:
    """A writer that was cancelled in the middle leaves nothing behind and blocks nobody."""
    inside = asyncio.Event()

    async def write() -> None:
        async with database.write() as session:
            await session.execute(update(counter).values(value=5))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(60), database.write() as session:
        await session.execute(update(counter).values(value=7))
    assert await _value(database) == 7


async def test_a_write_inside_a_write_is_refused(database: Database) -> None:
    """What would wait for itself for ever on one database is an error on both."""

    async def nest() -> None:
        async with database.write(), database.write():
            pass

    async with asyncio.timeout(60):
        with pytest.raises(RuntimeError, match="inside"):
            await nest()
        async with database.write() as session:
            await session.execute(update(counter).values(value=1))
    assert await _value(database) == 1


async def test_check_fails_when_the_database_is_gone() -> None:
    """A readiness check says so when there is nothing to talk to."""
    database = Database(f"postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/none")
    with pytest.raises(OSError, match=r"refused|failed"):
        await database.check()
    await database.close()


async def _value(database: Database) -> int:
    async with database.read() as session:
        return int((await session.execute(select(func.max(counter.c.value)))).scalar_one())
