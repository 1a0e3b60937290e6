"""Attempts to sign in, counted in the database by whoever asks."""

import asyncio
from functools import partial

from sqlalchemy import select

from mediamill_catalog.core import SIGN_IN_LIMITS
from mediamill_catalog.sign_in_limits import Allowance, forget_attempts, take_attempt
from mediamill_database import Database

NOW = 1_800_000_000.0


async def _try(database: Database, name: str, *, now: float = NOW) -> float:
    async with database.write() as session:
        return await take_attempt(session, name, Allowance(3, 10), now=now)


async def test_attempts_run_out_and_come_back_one_by_one(database: Database) -> None:
    """Three at once, then one every ten seconds; who is refused loses nothing by having asked."""
    assert [await _try(database, "ada") for _ in range(5)] == [0, 0, 0, 10, 10]
    assert await _try(database, "ada", now=NOW + 4) == 6
    assert await _try(database, "ada", now=NOW + 10) == 0
    assert await _try(database, "ada", now=NOW + 10) == 10
    assert [await _try(database, "ada", now=NOW + 1_000) for _ in range(4)] == [0, 0, 0, 10]


async def test_attempts_at_the_same_time_are_all_counted(database: Database) -> None:
    """Of many tries that come together, to whichever replica, as many pass as are allowed."""
    waits = await asyncio.gather(*(map(partial(_try, database), ["ada"] * 12)))
    assert sorted(waits) == [0] * 3 + [10] * 9


async def test_names_have_attempts_of_their_own(database: Database) -> None:
    """Nobody is locked out by another's tries, and a right password gives all attempts back."""
    for _ in range(4):
        await _try(database, "ada")
    assert await _try(database, "ben") == 0
    async with database.write() as session:
        await forget_attempts(session, "ada")
    assert await _try(database, "ada") == 0


async def test_names_are_not_on_record(database: Database) -> None:
    """The table does not tell who tried to sign in, and takes whatever was tried as a name."""
    await _try(database, "ada@example.org")
    await _try(database, "nul \0 and " + "long" * 1_000)
    async with database.read() as session:
        names = (await session.execute(select(SIGN_IN_LIMITS.c.name))).scalars().all()
    assert len(names) == 2
    assert all(len(name) == 64 and "ada" not in name for name in names)
