"""`.env.example` lists what can be set."""

import runpy
import sys
from pathlib import Path

import pytest

from mediamill_runtime.secrets import MIN_SECRET_CHARACTERS

ROOT = Path(__file__).resolve().parents[2]


def test_secrets_are_filled_in_once(tmp_path: Path) -> None:
    """`make env` leaves no secret empty, makes no two alike, and never touches a file that is there."""
    target = tmp_path / ".env"
    write = runpy.run_path(str(ROOT / "scripts" / "write_env.py"))["main"]
    assert write(target) == 0
    written = target.read_text()
    lines = dict(line.split("=", 1) for line in written.splitlines() if line and line[0] != "#")
    assert {"RABBITMQ_PASSWORD", "JWT_SECRET", "PROCESSOR_BROKER_PASSWORD"} <= lines.keys()
    assert len(set(lines.values())) == len(lines)
    assert min(map(len, lines.values())) >= MIN_SECRET_CHARACTERS
    assert target.stat().st_mode & 0o077 == 0
    assert write(target) == 1
    assert target.read_text() == written


def test_the_example_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make documents` was run after the last change of a settings class."""
    monkeypatch.setattr(sys, "argv", ["generate_environment.py", "--check"])
    assert runpy.run_path(str(ROOT / "scripts" / "generate_environment.py"))["main"]() == 0
