"""The operator's command for dead letters, run as a process on a real database."""

import asyncio
import sys
from pathlib import Path

import pytest

from mediamill_database import Database
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox import record_dead_letter


@pytest.fixture
async def letters_url(migrated_sqlite_url: str) -> str:
    """Migrate a database and put two letters into it."""
    database = Database(migrated_sqlite_url)
    for event_id in ("event-1", "event-2"):
        letter = DeadLetter(
            "processor.images", event_id, "media.accepted", "media.accepted", b"{}", code="invalid_message"
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


async def test_letters_are_shown_and_closed_once(letters_url: str) -> None:
    """A row names id, queue, type and reason; what was replayed or discarded is gone and stays closed."""
    code, output, _ = await _run(letters_url, "list")
    assert code == 0
    assert [row.partition("\t")[0] for row in output.splitlines()] == ["1", "2"]
    assert "\tprocessor.images\tmedia.accepted\tinvalid_message\t" in output
    assert await _run(letters_url, "replay", "1") == (0, "", "")
    assert await _run(letters_url, "discard", "2") == (0, "", "")
    assert await _run(letters_url, "list") == (0, "", "")
    code, _, errors = await _run(letters_url, "replay", "1", "2")
    assert (code, errors) == (1, "dead letter 1 is not open\ndead letter 2 is not open\n")
