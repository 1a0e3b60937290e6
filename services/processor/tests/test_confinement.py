"""What is taken away is gone: tried from inside a process that gave it up."""

import ast
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_RESTRICTED = """
import socket, sys
from pathlib import Path
from mediamill_processor.sandbox import confinement, landlock

def fails(action):
    try:
        action()
    except OSError as error:
        return True
    return False

readable, writable, secret = map(Path, sys.argv[1:4])
held = confinement.leave_network() + landlock.restrict_files(readable, writable)
results = {
    "reads upload": not fails(lambda: (readable / "upload").read_bytes()),
    "writes scratch": not fails(lambda: (writable / "variant").write_bytes(b"x")),
    "writes upload": not fails(lambda: (readable / "upload").write_bytes(b"x")),
    "reads secret": not fails(secret.read_bytes),
    "lists folder": not fails(lambda: list(secret.parent.iterdir())),
    "connects": not fails(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[4])), 2)),
}
print(held, results, sep="\\n")
"""


@pytest.fixture
def listener() -> Iterator[int]:
    """Give the port of a listening socket."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def attempt(tmp_path: Path, listener: int) -> tuple[list[str], dict[str, bool]]:
    """Run a process that gives up its rights; return what held, and what it could still do."""
    readable, writable, outside = tmp_path / "store", tmp_path / "store" / ".scratch", tmp_path / "etc"
    for folder in (readable, writable, outside):
        folder.mkdir()
    (readable / "upload").write_bytes(b"picture")
    (outside / "secret").write_bytes(b"password")
    arguments = [str(readable), str(writable), str(outside / "secret"), str(listener)]
    done = subprocess.run(
        [sys.executable, "-c", _RESTRICTED, *arguments], check=True, capture_output=True, text=True
    )
    held, results = map(ast.literal_eval, done.stdout.splitlines())
    return held, results


def test_a_confined_process_can_do_its_work_and_nothing_else(
    attempt: tuple[list[str], dict[str, bool]],
) -> None:
    """It reads uploads and writes scratch files; what the kernel said to hold does hold."""
    held, can = attempt
    assert can["reads upload"]
    assert can["writes scratch"]
    if "files restricted" in held:
        assert not {name for name in ("reads secret", "lists folder", "writes upload") if can[name]}
    if {"no network", "no TCP"} & set(held):
        assert not can["connects"]
