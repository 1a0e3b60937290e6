"""Trace context on messages, so that one upload is one trace from HTTP request to notification.

The context travels as a W3C `traceparent` header. It is written when a message is created, not when it is
sent: a relay may send it much later, from a task that knows nothing of the request.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("mediamill_messaging")


def inject_current() -> dict[str, str]:
    """Return the headers that carry the current span; empty when there is none."""
    headers: dict[str, str] = {}
    _propagator.inject(headers)
    return headers


@contextmanager
def consumer_span(name: str, headers: Mapping[str, Any], attributes: dict[str, str | int]) -> Iterator[Span]:
    """Open a CONSUMER span below the span that created the message.

    An exception from the block is recorded on the span and goes on.
    """
    parent = _propagator.extract(headers)
    with _tracer.start_as_current_span(name, parent, SpanKind.CONSUMER, attributes) as span:
        yield span


def trace_id_of(span: Span) -> str | None:
    """Return the trace id as 32 hex digits, or None for a span outside of any trace."""
    context = span.get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else None
