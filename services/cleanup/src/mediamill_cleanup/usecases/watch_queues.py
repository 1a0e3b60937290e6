"""Raises an alert when a queue grows too deep, and takes it back when the queue has recovered: once each.

What was raised is kept with the schedule, and changes in the transaction that emits the event.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import structlog

from mediamill_catalog import schedules
from mediamill_cleanup.duty import Run
from mediamill_cleanup.metrics import QUEUE_ALERTS
from mediamill_cleanup.premises import Depths
from mediamill_cleanup.report import Report
from mediamill_cleanup.webhook import Webhook
from mediamill_contracts.platform import QueueAlerted
from mediamill_contracts.topology import QUEUES
from mediamill_database import Database
from mediamill_outbox import emit
from mediamill_outbox.dead_letters import UNROUTABLE_QUEUE
from mediamill_outbox.depths import open_dead_letters

NAME = "watch-queues"
RECOVERED_SHARE = 0.8
"""An alert ends below this share of its threshold: a depth around the threshold is no news every time."""
MOST_UNSENT = 100
"""Alerts kept for a webhook that does not answer; the oldest go first."""

Measure = Literal["waiting", "dead_letters"]
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Thresholds:
    """Numbers of messages in one queue above which somebody is told."""

    waiting: int = 100
    dead_letters: int = 50

    def of(self, measure: Measure) -> int:
        """Return the threshold of one measure."""
        return self.waiting if measure == "waiting" else self.dead_letters


@dataclass(frozen=True)
class Reading:
    """How deep one queue is."""

    queue: str
    measure: Measure
    value: int

    @property
    def name(self) -> str:
        """Name it in the state."""
        return f"{self.queue} {self.measure}"


async def watch_queues(
    database: Database, depths: Depths, thresholds: Thresholds, webhook: Webhook | None, run: Run
) -> Report:
    """Compare each queue with the thresholds and tell of what has changed since the last run."""
    report = run.report()
    readings = await _read(database, depths, report)
    if run.dry_run:
        for reading in readings:
            if reading.value > thresholds.of(reading.measure):
                report.add("queues over a threshold", f"{reading.name}: {reading.value}")
        return report
    async with database.write() as session:
        state = await schedules.state_of(session, NAME)
        raised: dict[str, int] = dict(state.get("raised", {}))
        unsent: list[dict[str, Any]] = list(state.get("unsent", []))
        for alert in _changes(readings, raised, thresholds, run):
            identity = await emit(session, alert)
            report.add(f"alerts {alert.state}", f"{alert.queue} {alert.measure}: {alert.value}")
            if webhook is not None:
                unsent.append({"id": str(identity), "alert": alert.model_dump(mode="json")})
        await schedules.keep_state(session, NAME, {"raised": raised, "unsent": unsent[-MOST_UNSENT:]})
    for reading in readings:
        QUEUE_ALERTS.labels(reading.queue, reading.measure).set(int(reading.name in raised))
    if webhook is not None and unsent:
        await _deliver(database, webhook, unsent[-MOST_UNSENT:], run, report)
    return report


async def _read(database: Database, depths: Depths, report: Report) -> list[Reading]:
    """Return a reading for all that is known: a broker that is away leaves its queues out."""
    async with database.read() as session:
        letters = await open_dead_letters(session)
    known: Mapping[str, int] | None = None
    try:
        known = await depths()
    except Exception as error:  # noqa: BLE001 - dead letters are known without a broker
        _log.warning("the depth of the queues is not known", error=f"{type(error).__name__}: {error}")
        report.note("the broker does not answer: nobody knows how many messages wait")
    readings = []
    if known is not None:
        readings += [Reading(queue.name, "waiting", known.get(queue.name, 0)) for queue in QUEUES]
    for name, uncollected in _dead_letter_queues():
        value = letters.get(name, 0) + (known or {}).get(uncollected, 0)
        readings.append(Reading(name, "dead_letters", value))
    return readings


def _dead_letter_queues() -> Iterable[tuple[str, str]]:
    yield from ((queue.name, queue.dead_letter_name) for queue in QUEUES)
    yield UNROUTABLE_QUEUE, ""


def _changes(
    readings: Iterable[Reading], raised: dict[str, int], thresholds: Thresholds, run: Run
) -> Iterator[QueueAlerted]:
    """Yield an alert for each change, and bring `raised` up to date."""
    for reading in readings:
        threshold = thresholds.of(reading.measure)
        was_raised = reading.name in raised
        if not was_raised and reading.value > threshold:
            raised[reading.name] = reading.value
        elif was_raised and reading.value <= threshold * RECOVERED_SHARE:
            del raised[reading.name]
        else:
            continue
        yield QueueAlerted(
            queue=reading.queue,
            state="recovered" if was_raised else "raised",
            measure=reading.measure,
            value=reading.value,
            threshold=threshold,
            alerted_at=run.now,
        )


async def _deliver(
    database: Database, webhook: Webhook, unsent: list[dict[str, Any]], run: Run, report: Report
) -> None:
    """Hand alerts over in their order; what is not taken waits for the next run."""
    left = list(unsent)
    while left:
        alert = QueueAlerted.model_validate(left[0]["alert"])
        body = alert.model_dump_json().encode()
        if not await webhook.send(UUID(left[0]["id"]), body, timestamp=int(run.now.timestamp())):
            report.note(f"{len(left)} alerts wait for the webhook, which does not take them")
            break
        report.count("alerts taken by the webhook", 1)
        left.pop(0)
    async with database.write() as session:
        state = await schedules.state_of(session, NAME)
        await schedules.keep_state(session, NAME, state | {"unsent": left})
