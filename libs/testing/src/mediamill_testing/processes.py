"""Looks for programs that should be running, or should be gone."""

from pathlib import Path


def running_programs(name: str, argument: str) -> list[int]:
    """Return the ids of processes whose program holds `name`, and one of whose arguments holds `argument`."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            program, *arguments = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if name.encode() in program and any(argument.encode() in word for word in arguments):
            found.append(int(entry.name))
    return found
