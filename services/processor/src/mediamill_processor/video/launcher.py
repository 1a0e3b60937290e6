"""Becomes ffmpeg, after giving up every right that ffmpeg does not need.

Run as `python -I -m mediamill_processor.video.launcher ORDER`. Confinement survives `exec`, so a file that
takes ffmpeg over finds no network, no secrets, no other file, and an end to memory, time and disk.
"""

import os
import resource
import sys
from pathlib import Path

from mediamill_contracts.message import Part
from mediamill_processor.sandbox import confinement, landlock
from mediamill_processor.sandbox.protocol import Boundaries

_LIBRARIES = (
    Path("/lib"),
    Path("/lib64"),
    Path("/usr/lib"),
    Path("/usr/lib64"),
    Path("/usr/local/lib"),
    Path("/etc/ld.so.cache"),
)
"""What a dynamically linked program loads; the same everywhere and no secret."""


class LaunchOrder(Part):
    """What to run, and within which bounds."""

    boundaries: Boundaries
    command: tuple[str, ...]
    """Absolute path of the program, then its arguments."""


def main() -> None:
    """Confine this process and replace it by the program."""
    order = LaunchOrder.model_validate_json(sys.argv[1])
    program = Path(order.command[0])
    bounds = order.boundaries
    confinement.ignore_stop_signals()
    confinement.limit_resources(bounds)
    resource.setrlimit(resource.RLIMIT_CPU, (bounds.cpu_seconds, bounds.cpu_seconds))
    confinement.leave_network()
    confinement.gain_no_privileges()
    confinement.die_with_parent(bounds.parent_pid)
    landlock.restrict_files(bounds.readable, bounds.writable, (program, *_LIBRARIES))
    os.execve(program, order.command, {"LC_ALL": "C.UTF-8"})  # noqa: S606 - no shell, and a program of ours


if __name__ == "__main__":
    main()
