"""CPU time and memory of whole process trees, read from /proc: nothing is added to what is measured."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

_GUARD = "guard.py"
"""Each server has a supervisor, whose command line ends with the server's."""
_TICKS = os.sysconf("SC_CLK_TCK")


def find_process(needle: str) -> int:
    """Return the pid of the one tree of this process's descendants whose command line holds `needle`."""
    lines = {pid: _command_line(pid) for pid in descendants(os.getpid())}
    found = {pid for pid, line in lines.items() if needle in line and _GUARD not in line}
    roots = [pid for pid in found if _parent(pid) not in found]
    if len(roots) != 1:
        raise LookupError(f"{len(roots)} processes run {needle}")
    return roots[0]


def descendants(pid: int) -> list[int]:
    """Return the pids of all children, their children and so on."""
    tree = _children_by_parent()
    found, waiting = [], [pid]
    while waiting:
        children = tree.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of a process, its descendants, and those of them that ended."""
    return sum(_cpu_ticks(member) for member in (pid, *descendants(pid))) / _TICKS


def cpu_used(processes: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU seconds of several process trees, by name."""
    return {name: cpu_seconds(pid) for name, pid in processes.items()}


def reset_peak_memory(pid: int) -> None:
    """Let the peak that `peak_memory` tells begin now (Linux, proc_pid_clear_refs(5))."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_memory(pid: int) -> int:
    """Return the most bytes that were resident since the start or the last reset."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"process {pid} tells no peak")


def _cpu_ticks(pid: int) -> int:
    fields = _stat(pid)
    return sum(int(value) for value in fields[11:15]) if fields else 0


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name, or nothing when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _children_by_parent() -> dict[int, list[int]]:
    tree: dict[int, list[int]] = {}
    for pid in _all_pids():
        tree.setdefault(_parent(pid), []).append(pid)
    return tree


def _all_pids() -> Iterable[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
