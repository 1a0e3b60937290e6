"""Operators hear of a queue that is too deep once, and once more when it has recovered."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256

import pytest
from prometheus_client import REGISTRY

from mediamill_catalog import schedules
from mediamill_cleanup.duty import Run
from mediamill_cleanup.report import Report
from mediamill_cleanup.usecases.watch_queues import NAME, Thresholds, watch_queues
from mediamill_cleanup.webhook import DELIVERY, SIGNATURE, TIMESTAMP, Webhook
from mediamill_contracts.platform import QueueAlerted
from mediamill_messaging.errors import BrokerUnavailableError
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox import record_dead_letter

from .conftest import NOW, Bench

SECRET = "a secret of tests, long enough to be one"
IMAGES = "processor.images"


@dataclass
class Receiver:
    """An operator's system: an HTTP server on loopback that keeps what it is told."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    """Status codes of the next answers; 204 when there is none left."""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append((headers, body))
        status = self.answers.pop(0) if self.answers else 204
        away = b"location: /elsewhere\r\n" if status == 302 else b""
        writer.write(b"HTTP/1.1 %d x\r\n%sconnection: close\r\ncontent-length: 0\r\n\r\n" % (status, away))
        await writer.drain()
        writer.close()

    def told(self) -> list[tuple[str, str]]:
        """Return queue and state of each alert that was posted."""
        return [(body["queue"], body["state"]) for body in (json.loads(body) for _, body in self.requests)]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/alerts"
    async with server:
        yield receiver


@pytest.fixture
async def planned(bench: Bench) -> Bench:
    """Give an installation whose schedule is written."""
    async with bench.database.write() as session:
        await schedules.plan(session, NAME, NOW, now=NOW)
    return bench


def webhook_to(receiver: Receiver) -> Webhook:
    """Return a webhook that does not wait between its tries."""
    return Webhook(receiver.url, SECRET, pauses=(0, 0))


async def watch(bench: Bench, run: Run, webhook: Webhook | None = None) -> Report:
    """Run the duty with the usual thresholds."""
    return await watch_queues(bench.database, bench.premises.depths, Thresholds(), webhook, run)


async def test_each_change_is_told_once(planned: Bench, run: Run) -> None:
    """Over the threshold, still over it, around it, and well below it: raised once, recovered once."""
    told = []
    for depth in (100, 101, 5_000, 100, 90, 80, 80, 101):
        planned.depths[IMAGES] = depth
        await watch(planned, run)
        told.append([(alert.state, alert.value) for alert in await planned.emitted(QueueAlerted)])
    raised, recovered = ("raised", 101), ("recovered", 80)
    assert told == [
        [],
        *[[raised]] * 4,
        *[[raised, recovered]] * 2,
        [raised, recovered, raised],
    ]
    labels = {"queue": IMAGES, "measure": "waiting"}
    assert REGISTRY.get_sample_value("media_queue_alerts", labels) == 1


async def test_dead_letters_count_wherever_they_are(planned: Bench, run: Run) -> None:
    """Those in the table and those that nobody has collected yet are dead letters of the same queue."""
    async with planned.database.write() as session:
        for number in range(30):
            letter = DeadLetter(IMAGES, str(number), "media.accepted", "media.accepted.image.bulk", b"{}")
            await record_dead_letter(session, letter)
    await watch(planned, run)
    assert await planned.emitted(QueueAlerted) == []
    planned.depths[f"{IMAGES}.dlq"] = 21
    await watch(planned, run)
    [alert] = await planned.emitted(QueueAlerted)
    assert (alert.queue, alert.measure, alert.value, alert.threshold) == (IMAGES, "dead_letters", 51, 50)


async def test_a_broker_that_is_away_ends_no_alert(planned: Bench, run: Run) -> None:
    """Nobody knows how many wait, so what was raised stays raised; dead letters are looked at still."""
    planned.depths[IMAGES] = 1_000
    await watch(planned, run)

    async def away() -> dict[str, int]:
        raise BrokerUnavailableError("no answer")

    report = await watch_queues(planned.database, away, Thresholds(), None, run)
    assert "the broker does not answer" in report.notes[0]
    assert len(await planned.emitted(QueueAlerted)) == 1


async def test_a_dry_run_tells_nobody(planned: Bench, dry_run: Run) -> None:
    """It shows which queues are too deep."""
    planned.depths[IMAGES] = 1_000
    report = await watch(planned, dry_run)
    assert report.named == {"queues over a threshold": [f"{IMAGES} waiting: 1000"]}
    assert await planned.emitted(QueueAlerted) == []


async def test_the_webhook_is_signed(planned: Bench, run: Run, receiver: Receiver) -> None:
    """Who knows the secret can tell the alert from a forgery, and an old one from a new one."""
    planned.depths[IMAGES] = 1_000
    await watch(planned, run, webhook_to(receiver))
    [(headers, body)] = receiver.requests
    signed = headers[TIMESTAMP.lower()].encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, sha256).hexdigest()
    assert headers[SIGNATURE.lower()] == f"sha256={expected}"
    assert headers[TIMESTAMP.lower()] == str(int(NOW.timestamp()))
    assert json.loads(body)["value"] == 1_000


async def test_a_webhook_that_fails_for_a_while_misses_nothing(
    planned: Bench, run: Run, receiver: Receiver
) -> None:
    """Tries within a run repeat one delivery; what no try got through is handed over by the next run."""
    receiver.answers = [500, 503]
    planned.depths[IMAGES] = 1_000
    await watch(planned, run, webhook_to(receiver))
    assert receiver.told() == [(IMAGES, "raised")] * 3
    assert len({headers[DELIVERY.lower()] for headers, _ in receiver.requests}) == 1
    receiver.requests.clear()
    receiver.answers = [500, 500, 302]
    planned.depths[IMAGES] = 0
    report = await watch(planned, run, webhook_to(receiver))
    assert report.notes == ["1 alerts wait for the webhook, which does not take them"]
    receiver.requests.clear()
    planned.depths["processor.videos"] = 1_000
    await watch(planned, run, webhook_to(receiver))
    assert receiver.told() == [(IMAGES, "recovered"), ("processor.videos", "raised")]
    receiver.requests.clear()
    await watch(planned, run, webhook_to(receiver))
    assert receiver.told() == []


async def test_a_webhook_that_is_not_there_stops_nothing(planned: Bench, run: Run) -> None:
    """The event is emitted all the same."""
    planned.depths[IMAGES] = 1_000
    await watch(planned, run, Webhook("http://127.0.0.1:1/alerts", SECRET, pauses=()))
    assert len(await planned.emitted(QueueAlerted)) == 1
