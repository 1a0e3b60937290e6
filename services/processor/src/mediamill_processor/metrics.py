"""The processor's figures for Prometheus."""

from prometheus_client import Counter, Histogram

PROCESSING_SECONDS = Histogram(
    "media_processing_duration_seconds",
    "Time from taking a job to its result, waiting for a free child included",
    ("entity_type", "type"),
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60, 120),
)
VERDICTS = Counter("media_render_refused_total", "Files refused, by reason", ("code",))
S3_MISSED = Counter("media_s3_missed_total", "Results kept in local storage because S3 did not take them")
CHILDREN_LOST = Counter(
    "media_render_children_lost_total", "Children lost in the middle of a job", ("cause",)
)
