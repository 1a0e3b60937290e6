"""Operators' commands on a database that is not there, or is none."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mediamill_catalog import dead_letters, migrate_command
from mediamill_testing.ports import free_port


@pytest.mark.parametrize(
    ("main", "before", "after"),
    [(migrate_command.main, [], []), (dead_letters.main, ["--url"], ["list"])],
    ids=["migrate", "dead-letters"],
)
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "this is no database URL"),
        ("oracle+nothing://x/y", "this is no database URL"),
        ("postgresql+asyncpg://ann:sesame@127.0.0.1:PORT/x", "the database cannot be reached"),
        ("sqlite+aiosqlite:///FOLDER/no/such/folder.db", "unable to open database file"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    *,
    main: Callable[[], int],
    before: list[str],
    after: list[str],
    url: str,
    words: str,
) -> None:
    """Exit code 1 and one line, without the password in the URL."""
    url = url.replace("PORT", str(free_port())).replace("FOLDER", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["the-command", *before, url, *after])
    assert main() == 1
    told = capsys.readouterr().err
    assert words in told
    assert len(told.splitlines()) == 1
    assert "sesame" not in told
