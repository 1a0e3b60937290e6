"""Traces: one id that follows an upload from the HTTP request through every queue to the notification.

A tracer provider is always installed, because logs and problem documents show the trace id. Spans are
recorded and exported only when a collector is configured: without one the sampler says no and the SDK does
next to nothing.
"""

import threading

from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_EXPORT_TIMEOUT_SECONDS = 5


class Telemetry:
    """The process's tracer provider, and its end."""

    def __init__(self, provider: TracerProvider) -> None:
        self.provider = provider

    def shutdown(self, timeout_seconds: float = _EXPORT_TIMEOUT_SECONDS) -> None:
        """Export what is left within `timeout_seconds`: a dead collector must not delay the exit."""
        worker = threading.Thread(target=self.provider.shutdown, name="telemetry-shutdown", daemon=True)
        worker.start()
        worker.join(timeout_seconds)


def configure_telemetry(service: str, otlp_endpoint: str | None = None) -> Telemetry:
    """Install the tracer provider and W3C propagation for this process; once, later calls return the first.

    `otlp_endpoint` is the base URL of an OTLP/HTTP collector. The SDK's own `OTEL_*` variables apply besides.
    """
    propagate.set_global_textmap(TraceContextTextMapPropagator())
    current = trace.get_tracer_provider()
    if isinstance(current, TracerProvider):
        return Telemetry(current)
    provider = _create_provider(service, otlp_endpoint)
    trace.set_tracer_provider(provider)
    return Telemetry(provider)


def current_trace_id() -> str | None:
    """Return the 32 hexadecimal digits of the current trace id, or None outside of any trace."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def _create_provider(service: str, otlp_endpoint: str | None) -> TracerProvider:
    resource = Resource.create({SERVICE_NAME: service})
    if otlp_endpoint is None:
        return TracerProvider(sampler=ParentBased(ALWAYS_OFF), resource=resource, shutdown_on_exit=False)
    # A tenth of a service's start, which those without a collector are spared.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(
        endpoint=f"{otlp_endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_TIMEOUT_SECONDS
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
