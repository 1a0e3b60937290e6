"""The child process that looks at one video file and answers with one line.

Run as `python -I -m mediamill_processor.video.probe_child ORDER`. FFmpeg's libraries are loaded first, then
every right but reading the folder of the file is given up, then the file is opened.
"""

import sys

from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.sandbox import confinement, landlock
from mediamill_processor.sandbox.protocol import Refused, encode_line
from mediamill_processor.video.protocol import ProbeOrder, Streams
from mediamill_processor.video.streams import look_at


def main() -> None:
    """Answer `Streams` or `Refused` on standard output."""
    order = ProbeOrder.model_validate_json(sys.argv[1])
    bounds = order.boundaries
    confinement.ignore_stop_signals()
    confinement.limit_resources(bounds)
    confinement.grant_processor_time(bounds.cpu_seconds)
    confinement.leave_network()
    confinement.gain_no_privileges()
    confinement.die_with_parent(bounds.parent_pid)
    landlock.restrict_files(bounds.readable, bounds.writable)
    answer: Streams | Refused
    try:
        answer = look_at(order.source, order.demuxer)
    except UnacceptableFileError as verdict:
        answer = Refused(code=verdict.code, detail=verdict.detail)
    sys.stdout.buffer.write(encode_line(answer))


if __name__ == "__main__":
    main()
