"""The trace that the present work belongs to, as the catalog keeps it."""

from opentelemetry import trace


def current_trace_id() -> str | None:
    """Return the W3C trace id (32 hexadecimal digits) of the current span, or None outside of one."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else None
