"""Becomes ffmpeg, after giving up every right that ffmpeg does not need.

Run as `python -I -m mediamill_processor.video.launcher BOUNDARIES PROGRAM [ARGUMENT]...`, with the boundaries
as JSON and the absolute path of the program. Nothing is imported that takes long: it runs several times for
each video. Confinement survives `exec`, so a file that takes ffmpeg over finds no network, no secrets, no
other file, and an end to memory, time and disk.
"""

import os
import resource
import sys
from pathlib import Path

from mediamill_processor.sandbox import confinement, landlock
from mediamill_processor.sandbox.boundaries import Boundaries

_LIBRARIES = (
    Path("/lib"),
    Path("/lib64"),
    Path("/usr/lib"),
    Path("/usr/lib64"),
    Path("/usr/local/lib"),
    Path("/etc/ld.so.cache"),
)
"""What a dynamically linked program loads; the same everywhere and no secret."""


def main() -> None:
    """Confine this process and replace it by the program."""
    bounds, command = Boundaries.from_json(sys.argv[1]), sys.argv[2:]
    program = Path(command[0])
    confinement.ignore_stop_signals()
    confinement.limit_resources(bounds)
    resource.setrlimit(resource.RLIMIT_CPU, (bounds.cpu_seconds, bounds.cpu_seconds))
    confinement.leave_network()
    confinement.gain_no_privileges()
    confinement.die_with_parent(bounds.parent_pid)
    landlock.restrict_files(bounds.readable, bounds.writable, (program, *_LIBRARIES))
    os.execve(program, command, {"LC_ALL": "C.UTF-8"})  # noqa: S606 - no shell, and a program of ours


if __name__ == "__main__":
    main()
