"""Figures of the notifier for Prometheus."""

from prometheus_client import Counter, Gauge

SOCKETS = Gauge("notifier_sockets", "Sockets that are connected and authenticated")
EVENTS_SENT = Counter("notifier_events_sent_total", "Events written to sockets", ["event"])
CONNECTIONS_REFUSED = Counter(
    "notifier_connections_refused_total", "Connections that were turned away", ["reason"]
)
