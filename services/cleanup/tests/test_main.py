"""The service as it is deployed, and its command, on a real broker and a real database."""

import json
import logging
import os
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import aio_pika
import httpx
import pytest
import structlog
from sqlalchemy import update

from mediamill_catalog import schedules
from mediamill_catalog.core import SCHEDULES
from mediamill_catalog.tables import utc_now
from mediamill_cleanup import commands
from mediamill_cleanup.commands import run_command
from mediamill_cleanup.main import build_service
from mediamill_cleanup.settings import CleanupSettings
from mediamill_contracts.topology import PROCESSOR_IMAGES, QUEUES
from mediamill_database import Database
from mediamill_messaging.rabbitmq.depths import queue_depths
from mediamill_runtime.settings import load_settings
from mediamill_storage.local import LocalObjectStore
from mediamill_testing.waiting import eventually

ABANDONED = "temp/user-1/abandoned.jpg"


@pytest.fixture
async def installation(
    migrated_postgres_url: str, rabbitmq_vhost_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    """Describe an installation in the environment, with one abandoned object in it."""
    environment = {
        "MEDIAMILL_ENV": "test",
        "DATABASE_URL": migrated_postgres_url,
        "BROKER_URL": rabbitmq_vhost_url,
        "STORAGE_ROOT": str(tmp_path / "store"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    store = LocalObjectStore(tmp_path / "store", fsync=False)
    await store.put_stream(ABANDONED, _chunks(b"pixels"), media_type="image/jpeg")
    await store.close()
    two_days_ago = time.time() - 2 * 86_400
    os.utime(tmp_path / "store" / ABANDONED, (two_days_ago, two_days_ago))
    database = Database(migrated_postgres_url)
    yield database
    await database.close()


@pytest.fixture(autouse=True)
def quiet_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have commands quieten the log for the test only: loggers keep the configuration of a real process."""
    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)
    monkeypatch.setattr(
        commands, "configure_logging", lambda *_, **__: structlog.configure(wrapper_class=silent)
    )
    yield
    structlog.reset_defaults()


async def test_the_service_does_what_is_due(
    installation: Database, rabbitmq_vhost_url: str, tmp_path: Path
) -> None:
    """A duty that was missed is made up after the start, and an alert reaches whoever listens."""
    due = {"due_at": utc_now(), "report": {}, "state": {}}
    async with installation.write() as session:
        for name in ("sweep-temporary", "watch-queues"):
            await schedules.plan(session, name, None, now=utc_now())
        await session.execute(update(SCHEDULES).values(due))
    service = build_service(load_settings(CleanupSettings))
    async with await aio_pika.connect(rabbitmq_vhost_url) as connection:
        channel = await connection.channel()
        await service.start()

        async def declared() -> bool:
            return len(await queue_depths(rabbitmq_vhost_url)) == 2 * len(QUEUES)

        await eventually(declared)
        listener = await channel.declare_queue("listener", auto_delete=True)
        await listener.bind("media.events", "queue.alerted")
        transport = httpx.ASGITransport(app=service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://cleanup") as http:

            async def ready() -> bool:
                return (await http.get("/health/ready")).status_code == 200

            await eventually(ready)

            async def swept() -> bool:
                return not (tmp_path / "store" / ABANDONED).exists()

            await eventually(swept)
            for _ in range(101):
                await eventually(partial(_put, channel))

            async def alerted() -> bool:
                await make_due(installation, "watch-queues")
                return await listener.get(fail=False) is not None

            await eventually(alerted, timeout=120)
            assert (
                'media_cleanup_runs_total{duty="sweep-temporary",outcome="done"}'
                in (await http.get("/metrics")).text
            )
        await service.stop()


async def _put(channel: aio_pika.abc.AbstractChannel) -> bool:
    """Put a message into the queue; one that was just declared may not have its leader yet."""
    try:
        await channel.default_exchange.publish(aio_pika.Message(b"{}"), PROCESSOR_IMAGES.name, mandatory=True)
    except aio_pika.exceptions.DeliveryError:
        return False
    return True


async def make_due(database: Database, name: str) -> None:
    """Make a duty due now, unless it is running."""
    async with database.write() as session:
        free = SCHEDULES.c.claimed_by.is_(None)
        await session.execute(
            update(SCHEDULES).where(SCHEDULES.c.name == name, free).values(due_at=utc_now())
        )


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run the command in a thread of its own, for it has an event loop of its own; return what it printed."""
    code = run_command(arguments)
    return code, capsys.readouterr().out


@pytest.mark.usefixtures("installation")
def test_the_command_shows_and_runs_duties(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A dry run tells what a run then does; the list shows it afterwards."""
    code, told = command(capsys, "run", "sweep-temporary", "--dry-run")
    assert code == 0
    assert (
        told == f"dry run, nothing is changed:\nstaged objects removed: 1\n    {ABANDONED}\nbytes freed: 6\n"
    )
    assert (tmp_path / "store" / ABANDONED).exists()
    code, told = command(capsys, "run", "sweep-temporary", "--json")
    assert json.loads(told)["named"] == {"staged objects removed": [ABANDONED]}
    assert not (tmp_path / "store" / ABANDONED).exists()
    code, told = command(capsys, "list", "--json")
    duties = {duty["name"]: duty for duty in json.loads(told)}
    assert duties["sweep-temporary"]["report"]["bytesFreed"] == 6
    assert duties["empty-trash"]["finishedAt"] is None
    assert run_command(["run", "no-such-duty"]) == 2
    assert command(capsys, "reconcile", "--mend") == (0, "nothing to do\n")
    assert run_command(["reconcile", "--store", "s3"]) == 2
    code, told = command(capsys, "run", "prune-records")
    assert told == "nothing to do\n"
