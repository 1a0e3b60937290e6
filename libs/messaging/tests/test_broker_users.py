"""Each service has a user of its own on RabbitMQ: it can do the service's work, and no other's."""

import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused, ConnectionClosed

from mediamill_contracts.access import ACCESS
from mediamill_contracts.topology import (
    BROADCASTS,
    DEAD_LETTER_EXCHANGE,
    EVENTS_EXCHANGE,
    INGEST_RECORDS,
    PROCESSOR_CANCELLATIONS,
    PROCESSOR_IMAGES,
    QUEUES,
    delay_name,
)
from mediamill_messaging.envelope import Envelope
from mediamill_messaging.errors import PermanentError
from mediamill_messaging.rabbitmq import RabbitTransport, broker_command
from mediamill_messaging.subscription import BroadcastSubscription, route
from mediamill_messaging.transport import DeadLetter
from mediamill_testing.conformance_messages import Recorder, Sample
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.waiting import eventually

Attempt = Callable[[AbstractChannel], Awaitable[object]]


@pytest.fixture(scope="module")
def urls(rabbitmq: RabbitServer, module_vhost: str) -> Mapping[str, str]:
    """Give the AMQP URL of each service's user; nobody has declared anything before."""
    return rabbitmq.service_urls(module_vhost)


@pytest.fixture
async def channel(urls: Mapping[str, str]) -> AsyncIterator[AbstractChannel]:
    """Give a channel of whoever has taken over a processor."""
    connection = await aio_pika.connect(urls["processor"])
    async with connection:
        yield await connection.channel(on_return_raises=True)


def _transport(service: str, url: str, recorder: Recorder, **options: object) -> RabbitTransport:
    """Return what the service runs: all its queues and broadcasts."""
    return RabbitTransport(
        url,
        service=service,
        subscriptions=[recorder.on(queue) for queue in QUEUES if queue.service == service],
        broadcasts=[
            BroadcastSubscription(item, (route(Sample, recorder.handle),))
            for item in BROADCASTS
            if item.service == service
        ],
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("service", sorted(ACCESS))
async def test_a_service_runs_with_its_own_user(urls: Mapping[str, str], service: str) -> None:
    """It consumes its queues, hears its broadcasts, and finds the topology without declaring it."""
    transport = _transport(service, urls[service], Recorder())
    await transport.start()
    try:
        await eventually(lambda: transport.is_connected)
        await transport.check()
    finally:
        await transport.stop(5)


async def test_work_goes_from_user_to_user(urls: Mapping[str, str]) -> None:
    """The record's order reaches the worker, whose result and whose dead letter reach the record."""
    letters: list[DeadLetter] = []

    async def keep(letter: DeadLetter) -> None:
        letters.append(letter)

    records, work = Recorder(), Recorder()
    work.failures = [PermanentError("no_use")]
    ingest = _transport("ingest", urls["ingest"], records, dead_letters=keep)
    processor = _transport("processor", urls["processor"], work)
    await ingest.start()
    await processor.start()
    try:
        for number in (1, 2):
            await ingest.publisher.send(_sample(number, PROCESSOR_IMAGES.topics[0]))
        await eventually(lambda: letters and work.seen)
        await processor.publisher.send(_sample(3, "media.processed"))
        await eventually(lambda: records.numbers == [3])
        assert (letters[0].queue, letters[0].code) == (PROCESSOR_IMAGES.name, "no_use")
    finally:
        await processor.stop(5)
        await ingest.stop(5)


async def _bind_to_all(channel: AbstractChannel) -> None:
    queue = await channel.declare_queue(f"{PROCESSOR_CANCELLATIONS.name}.{uuid4().hex}", exclusive=True)
    await queue.bind(EVENTS_EXCHANGE, "#")


async def _consume_records(channel: AbstractChannel) -> None:
    queue = await channel.get_queue(INGEST_RECORDS.name, ensure=False)
    await queue.get(fail=False)


def _publish(exchange_name: str, key: str) -> Attempt:
    async def attempt(channel: AbstractChannel) -> None:
        exchange = await channel.get_exchange(exchange_name, ensure=False)
        await exchange.publish(aio_pika.Message(b"{}"), key)

    return attempt


FORBIDDEN: dict[str, Attempt] = {
    "read another's work": _consume_records,
    "hear what is none of its business": _bind_to_all,
    "say what only the record says": _publish(EVENTS_EXCHANGE, "media.ready"),
    "send work to others by way of its retries": _publish(delay_name(2), INGEST_RECORDS.name),
    "give up what was another's": _publish(DEAD_LETTER_EXCHANGE, INGEST_RECORDS.name),
    "write into a queue": lambda channel: channel.default_exchange.publish(
        aio_pika.Message(b"{}"), INGEST_RECORDS.name
    ),
    "remove a queue": lambda channel: channel.queue_delete(PROCESSOR_IMAGES.name),
    "make a queue": lambda channel: channel.declare_queue("a-queue-of-mine"),
}


@pytest.mark.parametrize("what", sorted(FORBIDDEN))
async def test_a_worker_cannot_do_more_than_its_work(channel: AbstractChannel, what: str) -> None:
    """Whoever decodes hostile bytes gets no further than to the work that a worker has anyway."""
    with pytest.raises((ChannelAccessRefused, ConnectionClosed)):
        await FORBIDDEN[what](channel)


@pytest.mark.usefixtures("rabbitmq")
class TestCommand:
    """`mediamill-broker-setup`, as the compose file runs it."""

    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch: pytest.MonkeyPatch, rabbitmq: RabbitServer) -> None:
        """Give what .env gives: the administrator's URL and a password for some services."""
        rabbitmq.start()
        monkeypatch.setenv("BROKER_ADMIN_URL", rabbitmq.management_url)
        monkeypatch.setenv("STORAGE_SYNC_BROKER_PASSWORD", "hard/to:guess@all")

    def _run(self, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["mediamill-broker-setup", *arguments])
        return broker_command.main()

    async def test_it_may_run_again(self, monkeypatch: pytest.MonkeyPatch, rabbitmq: RabbitServer) -> None:
        """The second run changes nothing but a password that is another now."""
        with rabbitmq.vhost() as vhost:
            assert self._run(monkeypatch, "--vhost", vhost) == 0
            monkeypatch.setenv("STORAGE_SYNC_BROKER_PASSWORD", "another one")
            assert self._run(monkeypatch, "--vhost", vhost) == 0
            place = rabbitmq.url_of(vhost).rpartition("@")[2]
            connection = await aio_pika.connect(f"amqp://storage-sync:another%20one@{place}")
            await connection.close()
            rabbitmq.service_urls(vhost)  # users are the node's: others of this run use it, too

    def test_definitions_hold_no_password(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What is printed for other ways of loading names who has a password, and not which."""
        assert self._run(monkeypatch, "--print") == 0
        printed = capsys.readouterr().out
        assert "hard/to:guess@all" not in printed
        assert [user["name"] for user in json.loads(printed)["users"]] == ["storage-sync"]

    @pytest.mark.parametrize(
        ("url", "code", "words"),
        [
            ("", 2, "BROKER_ADMIN_URL is not set"),
            ("rabbitmq:15672", 1, "no URL like"),
            ("http://admin:sesame@127.0.0.1:1", 1, "does not answer"),
        ],
    )
    def test_it_says_what_is_wrong(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        url: str,
        code: int,
        words: str,
    ) -> None:
        """An exit code and one line that tells no secret, instead of services that cannot connect."""
        monkeypatch.setenv("BROKER_ADMIN_URL", url)
        assert self._run(monkeypatch) == code
        told = capsys.readouterr().err
        assert words in told
        assert "sesame" not in told

    def test_a_wrong_password_is_told(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rabbitmq: RabbitServer
    ) -> None:
        """The broker's refusal ends the command, before any service starts without its user."""
        place = rabbitmq.management_url.rpartition("@")[2]
        monkeypatch.setenv("BROKER_ADMIN_URL", f"http://mediamill:wrong@{place}")
        assert self._run(monkeypatch) == 1
        assert "answered 401" in capsys.readouterr().err

    def test_without_passwords_there_is_nothing_to_do(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A forgotten .env is named."""
        monkeypatch.delenv("STORAGE_SYNC_BROKER_PASSWORD")
        assert self._run(monkeypatch) == 2
        assert "INGEST_BROKER_PASSWORD" in capsys.readouterr().err


def _sample(number: int, routing_key: str) -> Envelope:
    message = Sample(number=number)
    return Envelope(
        str(message.message_id()), message.wire_name, routing_key, message.model_dump_json().encode()
    )
