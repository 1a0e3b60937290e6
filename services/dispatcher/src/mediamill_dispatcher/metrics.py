"""Figures of the dispatcher."""

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter("media_calls_total", "Calls by kind and how the attempt ended.", ["type", "outcome"])
CALL_SECONDS = Histogram(
    "media_call_duration_seconds",
    "Time of one attempt.",
    ["type"],
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)
CIRCUIT_OPEN = Gauge("media_call_circuit_open", "1 while calls are kept away from a dead upstream.", ["type"])
