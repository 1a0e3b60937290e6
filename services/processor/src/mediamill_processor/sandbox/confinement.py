"""Takes rights away from the process that calls it, step by step and for good.

Resource limits always hold. The rest depends on what the kernel and the container allow, so each step says
whether it does, and the service logs it at start. Constants: Linux `prctl(2)`, `unshare(2)`.
"""

import ctypes
import os
import resource
import signal
import sys

from mediamill_processor.sandbox.boundaries import Boundaries

_EXIT_ORPHANED = 4
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_OPEN_FILES = 64
_ADDRESS_SPACE_SLACK = 2 * 1024**3
"""Bytes. Libraries and thread arenas reserve addresses that they never fill."""

_libc = ctypes.CDLL(None, use_errno=True)


def limit_resources(boundaries: Boundaries) -> list[str]:
    """Bound memory, file size and open files; leave no core dump, which could hold somebody's picture."""
    _lower(resource.RLIMIT_DATA, boundaries.memory_bytes)
    _lower(resource.RLIMIT_AS, boundaries.memory_bytes + _ADDRESS_SPACE_SLACK)
    _lower(resource.RLIMIT_FSIZE, boundaries.file_bytes)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _lower(resource.RLIMIT_CORE, 0)
    os.nice(boundaries.niceness)
    return ["resource limits"]


def grant_processor_time(seconds: int) -> None:
    """Let the process use `seconds` more from now on; the kernel kills it with SIGXCPU beyond."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, hard))


def leave_network() -> list[str]:
    """Move to a network of its own with nothing in it; needs the right to, or user namespaces."""
    for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET):
        if _libc.unshare(flags) == 0:
            return ["no network"]
    return []


def gain_no_privileges() -> list[str]:
    """Make set-user-id programs powerless."""
    return ["no new privileges"] if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 else []


def die_with_parent(parent_pid: int) -> list[str]:
    """Be killed when the parent ends, however it ends; call it last, changed credentials undo it."""
    held = _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0
    if os.getppid() != parent_pid:
        sys.exit(_EXIT_ORPHANED)
    return ["ends with parent"] if held else []


def ignore_stop_signals() -> None:
    """Leave stopping to the parent: a terminal and some supervisors signal the whole process group."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (ceiling, ceiling))
