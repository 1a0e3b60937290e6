"""`.env.example` lists what can be set."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_is_current() -> None:
    """`make documents` was run after the last change of a settings class."""
    check = [sys.executable, str(ROOT / "scripts" / "generate_environment.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
