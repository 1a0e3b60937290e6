"""The child process: gives up its rights, then renders one order after the other until its input ends.

Run as `python -I -m mediamill_processor.sandbox.child BOUNDARIES`, with the boundaries as JSON. Everything
that decoding needs is imported, and the font found, before the first right is gone; afterwards no code can be
loaded any more.
"""

import os
import sys
from collections.abc import Callable

from mediamill_contracts.message import Part
from mediamill_processor import fonts
from mediamill_processor.pipeline.content import block_other_loaders
from mediamill_processor.pipeline.lettering import shape_of_text
from mediamill_processor.pipeline.placement import Box
from mediamill_processor.pipeline.render import inspect, render
from mediamill_processor.pipeline.stamp import Stamp
from mediamill_processor.pipeline.stopwatch import Stopwatch
from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.sandbox import confinement, landlock
from mediamill_processor.sandbox.boundaries import Boundaries
from mediamill_processor.sandbox.protocol import (
    EXIT_OUT_OF_MEMORY,
    PROCEED,
    Decoded,
    Drawn,
    DrawOrder,
    Failed,
    Finished,
    Inspected,
    Order,
    Ready,
    Refused,
    RenderOrder,
    StepTiming,
    VariantMade,
    decode_order,
    encode_line,
)

_MAX_ERROR_LENGTH = 255

Send = Callable[[Part], None]


def main() -> None:
    """Serve orders from standard input until it ends."""
    os.setpgid(0, 0)  # signals to the service's group are the service's
    boundaries = Boundaries.from_json(sys.argv[1])
    send = _claim_standard_output()
    block_other_loaders()
    shape_of_text("Mediamill")
    send(Ready(holds=tuple(_confine(boundaries))))
    while line := sys.stdin.buffer.readline():
        confinement.grant_processor_time(boundaries.cpu_seconds)
        _serve(decode_order(line), send)


def _confine(boundaries: Boundaries) -> list[str]:
    confinement.ignore_stop_signals()
    return [
        *confinement.limit_resources(boundaries),
        *confinement.leave_network(),
        *confinement.gain_no_privileges(),
        *confinement.die_with_parent(boundaries.parent_pid),
        *landlock.restrict_files(boundaries.readable, boundaries.writable, documents=(fonts.FOLDER,)),
    ]


def _serve(order: Order, send: Send) -> None:
    try:
        finished = _draw(order) if isinstance(order, DrawOrder) else _render(order, send)
    except UnacceptableFileError as verdict:
        send(Refused(code=verdict.code, detail=verdict.detail))
    except MemoryError:
        os._exit(EXIT_OUT_OF_MEMORY)
    except Exception as error:  # noqa: BLE001 - the parent decides what becomes of the job
        send(Failed(error=f"{type(error).__name__}: {error}"[:_MAX_ERROR_LENGTH]))
    else:
        send(finished)


def _draw(order: DrawOrder) -> Drawn:
    stamp = Stamp(order.watermark, order.mark)
    for layer in order.layers:
        stamp.write_layer(Box(layer.width, layer.height), order.scratch / layer.name)
    return Drawn()


def _render(order: RenderOrder, send: Send) -> Finished:
    watch = Stopwatch()
    header = inspect(order.source, order.media_type, order.recipe, watch)
    if header.total_pixels > order.granted_pixels:
        send(Inspected(pixels=header.total_pixels))
        if sys.stdin.buffer.readline() != PROCEED:
            sys.exit()
    facts, variants = render(
        header,
        order.recipe,
        order.scratch,
        watch,
        threads=order.threads,
        on_decoded=lambda: send(Decoded()),
        mark=order.mark,
    )
    return Finished(
        facts=facts,
        variants=tuple(VariantMade(**vars(variant)) for variant in variants),
        timings=tuple(StepTiming(**vars(timing)) for timing in watch.timings),
    )


def _claim_standard_output() -> Send:
    """Keep the pipe to the parent for answers alone: what libraries print goes to standard error."""
    pipe = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def send(message: Part) -> None:
        os.write(pipe, encode_line(message))

    return send


if __name__ == "__main__":
    main()
