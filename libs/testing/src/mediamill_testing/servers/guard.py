"""Runs one server as a child and makes sure that nothing of it outlives the tests.

Brokers and databases fork, daemonise helpers (RabbitMQ's epmd) and start their own sessions, so killing a
process group is not enough, and a test process that is killed runs no clean-up at all. This small supervisor
becomes the reaper of all descendants, watches the process that started it, and ends everything when told or
when that process is gone. It imports the standard library only: it is run as a script, not as a module.

Usage: guard.py PARENT_PID STOP_SIGNAL GRACE_SECONDS SCRATCH_DIR COMMAND...

Standard input takes one word: `stop` (signal, then wait for the grace period) or `kill` (at once). End of
input and the end of the parent mean `kill`, and that the scratch directory is removed: nobody else will.
"""

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PIDFD_CLOSED_EARLY = -1


def main(arguments: list[str]) -> int:
    """Run the command until it ends or is told to; return its exit code."""
    parent, stop_signal, grace, scratch, *command = arguments
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    parent_end = _watch(int(parent))
    child = subprocess.Popen(  # noqa: S603 - the command comes from the test kit
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0),  # noqa: PLW1509 - one thread only
    )
    order = _wait_for_order(child.pid, parent_end)
    if order == "stop":
        _stop(child, signal.Signals(int(stop_signal)), float(grace))
    _kill_descendants()
    if order == "orphaned":
        shutil.rmtree(scratch, ignore_errors=True)
    return child.wait() if child.returncode is None else child.returncode


def _watch(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return PIDFD_CLOSED_EARLY


def _wait_for_order(child: int, parent_end: int) -> str:
    """Return `stop`, `kill`, `orphaned`, or `ended` when the server ended by itself."""
    if parent_end == PIDFD_CLOSED_EARLY:
        return "orphaned"
    child_end = os.pidfd_open(child)
    ready, _, _ = select.select([0, parent_end, child_end], [], [])
    if 0 in ready:
        word = os.read(0, 16).decode().strip()
        return word if word in {"stop", "kill"} else "orphaned"
    return "orphaned" if parent_end in ready else "ended"


def _stop(child: "subprocess.Popen[bytes]", stop_signal: signal.Signals, grace: float) -> None:
    child.send_signal(stop_signal)
    try:
        child.wait(grace)
    except subprocess.TimeoutExpired:
        child.kill()


def _kill_descendants() -> None:
    """Kill children until none is left: the children of a killed one are handed to this process."""
    deadline = time.monotonic() + 10
    while (children := _children()) and time.monotonic() < deadline:
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        _reap()


def _children() -> list[int]:
    own = os.getpid()
    return [int(pid) for pid in Path(f"/proc/{own}/task/{own}/children").read_text().split()]


def _reap() -> None:
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
