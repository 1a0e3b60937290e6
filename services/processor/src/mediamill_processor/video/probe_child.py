"""The child process that looks at one video file and answers with one line.

Run as `python -I -m mediamill_processor.video.probe_child BOUNDARIES FILE DEMUXER`, with the boundaries as
JSON. FFmpeg's libraries are loaded first, then every right but reading the folder of the file is given up,
then the file is opened.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.sandbox import confinement, landlock
from mediamill_processor.sandbox.boundaries import Boundaries
from mediamill_processor.video.streams import look_at


def main() -> None:
    """Answer `Streams` or `Refused` on standard output."""
    bounds, source, demuxer = Boundaries.from_json(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    confinement.ignore_stop_signals()
    confinement.limit_resources(bounds)
    confinement.grant_processor_time(bounds.cpu_seconds)
    confinement.leave_network()
    confinement.gain_no_privileges()
    confinement.die_with_parent(bounds.parent_pid)
    landlock.restrict_files(bounds.readable, bounds.writable)
    try:
        answer = asdict(look_at(source, demuxer))
    except UnacceptableFileError as verdict:
        answer = {"kind": "refused", "code": verdict.code, "detail": verdict.detail}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
