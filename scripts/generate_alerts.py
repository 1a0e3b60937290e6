"""Write the alert rules from the topology, so that a new queue is watched from its first day.

With `--check` nothing is written; the exit code is 1 when the file differs.
"""

import sys
from pathlib import Path

import yaml

from mediamill_contracts.topology import QUEUES, Queue

TARGET = Path(__file__).resolve().parent.parent / "deploy" / "prometheus" / "alerts.yml"
HEAD = "# Generated from the topology by `make documents`; do not edit.\n"
READY = "rabbitmq_detailed_queue_messages_ready"
CONSUMERS = "rabbitmq_detailed_queue_consumers"
BACKLOG_PER_SLOT = 250
"""Messages waiting for each one that a single replica works on at once: minutes of work, not seconds."""

Rule = dict[str, object]


def main() -> int:
    """Write the file, or compare it with `--check`."""
    text = HEAD + yaml.safe_dump({"groups": groups()}, sort_keys=False, width=110)
    if "--check" not in sys.argv[1:]:
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        TARGET.write_text(text)
        return 0
    if TARGET.exists() and TARGET.read_text() == text:
        return 0
    print("deploy/prometheus/alerts.yml differs from the topology: run `make documents`", file=sys.stderr)
    return 1


def groups() -> list[dict[str, object]]:
    """Return the rule groups: one for each service that owns queues, and one for the control plane."""
    services = dict.fromkeys(queue.service for queue in QUEUES)
    by_service: list[dict[str, object]] = [
        {
            "name": f"mediamill-{service}",
            "rules": [rule for queue in QUEUES if queue.service == service for rule in _rules(queue)],
        }
        for service in services
    ]
    return [*by_service, {"name": "mediamill-control-plane", "rules": _control_plane_rules()}]


def _rules(queue: Queue) -> list[Rule]:
    backlog = queue.concurrency * BACKLOG_PER_SLOT
    labels = {"service": queue.service, "queue": queue.name}
    return [
        _rule(
            "QueueNotConsumed",
            f'{READY}{{queue="{queue.name}"}} > 0 and {CONSUMERS}{{queue="{queue.name}"}} == 0',
            minutes=2,
            labels=labels | {"severity": "critical"},
            summary=f"Messages wait in {queue.name} and no {queue.service} takes them",
        ),
        _rule(
            "QueueBacklog",
            f'{READY}{{queue="{queue.name}"}} > {backlog}',
            minutes=10,
            labels=labels | {"severity": "warning"},
            summary=f"More than {backlog} messages wait in {queue.name}: add replicas of {queue.service}",
        ),
        _rule(
            "DeadLettersNotCollected",
            f'{READY}{{queue="{queue.dead_letter_name}"}} > 0',
            minutes=5,
            labels=labels | {"severity": "critical"},
            summary=f"{queue.dead_letter_name} is not drained: ingest's collector is away",
        ),
    ]


def _control_plane_rules() -> list[Rule]:
    return [
        _rule(
            "DeadLettersOpen",
            'sum by (queue) (max by (queue, status) (media_dead_letters{status="open"})) > 0',
            minutes=1,
            labels={"severity": "warning"},
            summary="Messages from {{ $labels.queue }} were given up: replay or discard them",
        ),
        _rule(
            "OutboxStuck",
            "max(media_outbox_oldest_seconds) > 60",
            minutes=2,
            labels={"severity": "critical"},
            summary="Events wait in the outbox for over a minute: is the broker reachable?",
        ),
        _rule(
            "DutyOverdue",
            "min by (duty) (media_cleanup_overdue_seconds) > 900",
            minutes=5,
            labels={"severity": "warning"},
            summary="{{ $labels.duty }} has been due for a quarter of an hour: is cleanup running?",
        ),
        _rule(
            "DutyFails",
            'sum by (duty) (increase(media_cleanup_runs_total{outcome="failed"}[1h])) > 2',
            minutes=5,
            labels={"severity": "warning"},
            summary="{{ $labels.duty }} fails again and again: see cleanup's log",
        ),
        _rule(
            "ServiceDown",
            'up{job="mediamill"} == 0',
            minutes=2,
            labels={"severity": "critical"},
            summary="{{ $labels.instance }} does not answer",
        ),
    ]


def _rule(name: str, expression: str, *, minutes: int, labels: dict[str, str], summary: str) -> Rule:
    return {
        "alert": name,
        "expr": expression,
        "for": f"{minutes}m",
        "labels": labels,
        "annotations": {"summary": summary},
    }


if __name__ == "__main__":
    sys.exit(main())
