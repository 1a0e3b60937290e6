"""The alert rules watch every queue, by the names the broker and the services really export."""

import http.client
import re
import runpy
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import pytest
import yaml

from mediamill_contracts.topology import QUEUES
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
PROMETHEUS: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())


def rules() -> list[dict[str, Any]]:
    """Return all alert rules."""
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def test_the_rules_are_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make documents` was run after the last change of the topology."""
    monkeypatch.setattr(sys, "argv", ["generate_alerts.py", "--check"])
    assert runpy.run_path(str(ROOT / "scripts" / "generate_alerts.py"))["main"]() == 0


def test_every_queue_is_watched() -> None:
    """Backlog, missing consumers and dead letters of each queue raise an alert that names it."""
    watched = {(rule["alert"], rule["labels"].get("queue")) for rule in rules()}
    for queue in QUEUES:
        for alert in ("QueueNotConsumed", "QueueBacklog", "DeadLettersNotCollected"):
            assert (alert, queue.name) in watched


async def test_the_broker_exports_what_the_rules_ask_for(
    rabbitmq: RabbitServer, rabbitmq_vhost_url: str
) -> None:
    """Scraped as configured, the broker reports each metric of the rules for a queue, by its name."""
    async with await aio_pika.connect(rabbitmq_vhost_url) as connection:
        channel = await connection.channel()
        await channel.declare_queue("letters", durable=True, arguments={"x-queue-type": "quorum"})
        await channel.default_exchange.publish(aio_pika.Message(b"one"), "letters")
        names = {name for rule in rules() for name in re.findall(r"rabbitmq_\w+", rule["expr"])}
        assert names

        def exported() -> bool:
            lines = scrape(rabbitmq).splitlines()
            return all(
                any(line.startswith(name) and 'queue="letters"' in line for line in lines) for name in names
            )

        await eventually(exported, timeout=30)


def scrape(server: RabbitServer) -> str:
    """Ask for the metrics the way the scrape configuration does."""
    job = next(job for job in PROMETHEUS["scrape_configs"] if job["job_name"] == "rabbitmq")
    families = "&".join(f"family={family}" for family in job["params"]["family"])
    connection = http.client.HTTPConnection(urlsplit(server.prometheus_url).netloc, timeout=10)
    connection.request("GET", f"{job['metrics_path']}?{families}")
    try:
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_the_services_export_what_the_rules_ask_for() -> None:
    """Each metric of ours that a rule names is one that the outbox library or cleanup defines."""
    outbox = ROOT / "libs" / "outbox" / "src" / "mediamill_outbox" / "gauges.py"
    cleanup = ROOT / "services" / "cleanup" / "src" / "mediamill_cleanup" / "metrics.py"
    gauges = outbox.read_text() + cleanup.read_text()
    names = {name for rule in rules() for name in re.findall(r"\bmedia_\w+", rule["expr"])}
    assert names
    assert all(f'"{name}"' in gauges for name in names)
