"""Figures of the duties: what ran, how it went, what it removed, and what is late."""

from prometheus_client import Counter, Gauge, Histogram

from mediamill_cleanup.report import Report

RUNS = Counter("media_cleanup_runs_total", "Runs of duties", ["duty", "outcome"])
ITEMS = Counter("media_cleanup_items_total", "What duties dealt with", ["duty", "what"])
BYTES_FREED = Counter("media_cleanup_bytes_freed_total", "Bytes that duties removed", ["duty"])
SECONDS = Histogram(
    "media_cleanup_duration_seconds",
    "How long runs of duties took",
    ["duty"],
    buckets=(0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600),
)
OVERDUE = Gauge("media_cleanup_overdue_seconds", "For how long a duty has been due", ["duty"])
QUEUE_ALERTS = Gauge("media_queue_alerts", "1 while a queue is over a threshold", ["queue", "measure"])
WEBHOOKS = Counter("media_alert_webhooks_total", "Alerts handed to the webhook", ["outcome"])


def count_run(duty: str, outcome: str, seconds: float, report: Report | None = None) -> None:
    """Count a run as `done`, `failed` or `lost` (another process took it over)."""
    RUNS.labels(duty, outcome).inc()
    SECONDS.labels(duty).observe(seconds)
    if report is not None:
        BYTES_FREED.labels(duty).inc(report.bytes_freed)
        for what, number in report.counts.items():
            ITEMS.labels(duty, what).inc(number)
