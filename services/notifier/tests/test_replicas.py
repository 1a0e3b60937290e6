"""The notifier as it is deployed: several processes, each with its own stream from RabbitMQ."""

import signal
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import httpx
import pytest

from mediamill_contracts.media import MediaFailed
from mediamill_messaging.rabbitmq import RabbitTransport
from mediamill_runtime.identity import TokenIssuer
from mediamill_testing.javascript_client import javascript_client
from mediamill_testing.servers.process import Scratch
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.system import ServiceProcess
from mediamill_testing.tcp_proxy import TcpProxy
from mediamill_testing.waiting import eventually

SECRET = "a key for the tests that is long enough to sign with"


def token(user_id: str) -> str:
    """Return a token that is valid for the length of a test."""
    return TokenIssuer(SECRET, lifetime_seconds=300).issue(user_id, "user")


def failure(user_id: str) -> MediaFailed:
    """Build an event that clients hear of."""
    return MediaFailed(media_id=uuid4(), job_id=uuid4(), user_id=user_id, code="truncated", detail="cut off")


@pytest.fixture(scope="module")
def proxy(rabbitmq: RabbitServer, module_vhost: str) -> Iterator[TcpProxy]:
    """Way of the replicas to the broker."""
    with TcpProxy(rabbitmq.url_of(module_vhost)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def processes(proxy: TcpProxy) -> Iterator[tuple[ServiceProcess, ServiceProcess]]:
    """Two notifier processes on one broker."""
    scratch = Scratch("notifier")
    environment = {
        "MEDIAMILL_ENV": "test",
        "BROKER_URL": proxy.url,
        "JWT_SECRET": SECRET,
        "LOG_FORMAT": "json",
    }
    first, second = (ServiceProcess("notifier", environment, scratch=scratch) for _ in range(2))
    try:
        yield first, second
    finally:
        for replica in (first, second):
            replica.close()
        scratch.remove()


@pytest.fixture
def replicas(processes: tuple[ServiceProcess, ServiceProcess]) -> tuple[ServiceProcess, ServiceProcess]:
    """Both processes, running: a test may stop them."""
    stopped = [replica for replica in processes if not replica.running]
    for replica in stopped:
        replica.start(wait=False)
    for replica in stopped:
        replica.wait_ready()
    return processes


@pytest.fixture
async def publisher(rabbitmq: RabbitServer, module_vhost: str) -> AsyncIterator[RabbitTransport]:
    """Another service on the same broker."""
    transport = RabbitTransport(rabbitmq.url_of(module_vhost), service="test")
    await transport.start()
    yield transport
    await transport.stop(2)


async def test_each_replica_tells_its_own_sockets(replicas, publisher):
    """An event published once reaches sockets on both replicas, once each."""
    first, second = replicas
    async with (
        javascript_client(first.url, token("ann"), transports=("websocket",)) as phone,
        javascript_client(second.url, token("ann"), transports=("websocket",)) as laptop,
    ):
        await phone.wait_for("connect")
        await laptop.wait_for("connect")
        event = failure("ann")
        await publisher.publisher.publish(event)
        for client in (phone, laptop):
            await client.wait_for("media:failed")
    assert phone.events == laptop.events
    assert [name for name, _ in phone.events] == ["media:processed", "media:failed"]
    assert phone.events[0][1]["jobId"] == str(event.job_id)


async def test_sockets_survive_a_lost_broker(replicas, publisher, proxy: TcpProxy):
    """While the broker is away sockets stay open and readiness says so; afterwards events flow again."""
    first, _ = replicas
    async with (
        javascript_client(first.url, token("ann"), transports=("websocket",)) as client,
        httpx.AsyncClient(base_url=first.url) as http,
    ):
        await client.wait_for("connect")
        proxy.go_away()
        try:

            async def ready(status: int) -> bool:
                return (await http.get("/health/ready")).status_code == status

            await eventually(lambda: ready(503))
            assert (await http.get("/health/live")).status_code == 200
        finally:
            proxy.come_back()
        await eventually(lambda: ready(200), timeout=60)
        await publisher.publisher.publish(failure("ann"))
        await client.wait_for("media:failed", seconds=30)
        assert not [report for report in client.reports if report["type"] == "disconnect"]


async def test_a_stopped_replica_leaves_nothing_behind(
    replicas, publisher, rabbitmq: RabbitServer, module_vhost: str
):
    """After SIGTERM the process ends cleanly, its queue is gone, and its client is told to go elsewhere."""
    first, second = replicas
    async with javascript_client(first.url, token("ann"), transports=("websocket",)) as client:
        await client.wait_for("connect")
        first.stop()
        report = (await client.wait_for("disconnect"))[0]
    assert report["reason"] == "transport close"
    assert '"clean": true' in first.log()
    assert signal.SIGTERM.name in first.log()

    def notifier_queues() -> list[str]:
        queues = rabbitmq.management("GET", f"/api/queues/{module_vhost}")
        return [queue["name"] for queue in queues if "notifier" in queue["name"]]

    await eventually(lambda: len(notifier_queues()) <= 1)
    async with javascript_client(second.url, token("ann")) as client:
        await client.wait_for("connect")
        await publisher.publisher.publish(failure("ann"))
        await client.wait_for("media:failed")


def test_the_notifier_needs_a_broker_and_a_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Without them it ends with code 2 and names the variables."""
    from mediamill_notifier.__main__ import main

    for environment, variable in (
        ({"MEDIAMILL_ENV": "test"}, "BROKER_URL"),
        ({"MEDIAMILL_ENV": "production"}, "JWT_SECRET"),
        ({"MEDIAMILL_ENV": "test", "NOTIFIER_ALLOWED_ORIGINS": "*"}, "NOTIFIER_ALLOWED_ORIGINS"),
    ):
        for name in ("BROKER_URL", "JWT_SECRET", "JWT_JWKS_URL", "NOTIFIER_ALLOWED_ORIGINS", "MEDIAMILL_ENV"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        assert capsys.readouterr().err.startswith(f"notifier: {variable}: ")
