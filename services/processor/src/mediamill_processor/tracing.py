"""Spans of the processor, those of the child process included.

The child knows nothing of traces: it reports when each step began and ended, and the parent draws the spans.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from opentelemetry import trace

from mediamill_processor.ports import Step

_tracer = trace.get_tracer("mediamill_processor")


@contextmanager
def span(name: str) -> Iterator[None]:
    """Measure the block as a span below the current one."""
    with _tracer.start_as_current_span(name):
        yield


def record_steps(steps: Iterable[Step]) -> None:
    """Add steps that have ended as spans below the current one."""
    if not trace.get_current_span().is_recording():
        return
    for step in steps:
        _tracer.start_span(step.name, start_time=step.started_ns).end(step.ended_ns)
