"""The operator's command for dead letters, run as a process on a real database."""

import asyncio
import sys
from pathlib import Path

import pytest

from mediamill_database import Database
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox import record_dead_letter


@pytest.fixture
async def letter_url(migrated_sqlite_url: str) -> str:
    """Migrate a database and put one letter into it."""
    database = Database(migrated_sqlite_url)
    letter = DeadLetter(
        "processor.images", "event-1", "media.accepted", "media.accepted", b"{}", code="invalid_message"
    )
    async with database.write() as session:
        await record_dead_letter(session, letter)
    await database.close()
    return migrated_sqlite_url


async def _run(url: str, *arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("mediamill-dead-letters"),
        "--url",
        url,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def test_list_shows_what_is_needed_to_judge_a_letter(letter_url: str) -> None:
    """A row names id, queue, type and reason."""
    code, output, _ = await _run(letter_url, "list")
    assert code == 0
    assert output.startswith("1\t")
    assert "\tprocessor.images\tmedia.accepted\tinvalid_message\t" in output


@pytest.mark.parametrize("action", ["replay", "discard"])
async def test_a_letter_is_closed_once(letter_url: str, action: str) -> None:
    """After replay or discard the letter is no longer listed, and doing it again is an error that says so."""
    assert await _run(letter_url, action, "1") == (0, "", "")
    assert await _run(letter_url, "list") == (0, "", "")
    code, _, errors = await _run(letter_url, action, "1")
    assert (code, errors) == (1, "dead letter 1 is not open\n")
