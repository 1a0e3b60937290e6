"""The operator's command for dead letters, on a real database."""

import asyncio
import sys
from pathlib import Path

import pytest

from mediamill_catalog import dead_letters
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


class Shell:
    """Runs the command as an operator does."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._url = url
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    async def run(self, *arguments: str) -> tuple[int | None, str, str]:
        """Run it here, which takes a tenth of a process's time; return its exit code and what it wrote."""
        self._monkeypatch.setattr(sys, "argv", ["mediamill-dead-letters", "--url", self._url, *arguments])
        code = await asyncio.to_thread(dead_letters.main)
        written = self._capsys.readouterr()
        return code, written.out, written.err

    async def run_process(self, *arguments: str) -> tuple[int | None, str, str]:
        """Run it as a process."""
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("mediamill-dead-letters"),
            "--url",
            self._url,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        return process.returncode, output.decode(), errors.decode()


@pytest.fixture
def shell(letters_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Give a shell on a database with two letters."""
    return Shell(letters_url, monkeypatch, capsys)


async def test_letters_are_shown_and_closed_once(shell: Shell) -> None:
    """A row names id, queue, type and reason; what was replayed or discarded is gone and stays closed."""
    code, output, _ = await shell.run("list")
    assert code == 0
    assert [row.partition("\t")[0] for row in output.splitlines()] == ["1", "2"]
    assert "\tprocessor.images\tmedia.accepted\tinvalid_message\t" in output
    assert await shell.run_process("replay", "1") == (0, "", "")
    assert await shell.run("discard", "2") == (0, "", "")
    assert await shell.run("list") == (0, "", "")
    code, _, errors = await shell.run_process("replay", "1", "2")
    assert (code, errors) == (1, "dead letter 1 is not open\ndead letter 2 is not open\n")
