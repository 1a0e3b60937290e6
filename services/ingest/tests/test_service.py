"""Ingest as a process: starts clearly or not at all, and takes uploads while the broker is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr

from mediamill_catalog import jobs
from mediamill_catalog.revision import SchemaNotCurrentError
from mediamill_contracts.media import MediaAccepted, MediaProgressed
from mediamill_contracts.topology import PROCESSOR_IMAGES
from mediamill_database import Database
from mediamill_ingest.main import build_parts, build_service
from mediamill_ingest.settings import IngestSettings
from mediamill_messaging.rabbitmq import RabbitTransport
from mediamill_messaging.subscription import Delivery, Subscription, route
from mediamill_runtime.service import Service
from mediamill_runtime.settings import load_settings
from mediamill_storage.local import LocalObjectStore
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.waiting import eventually

NOBODY_THERE = "amqp://someone:secret@127.0.0.1:1/"
PASSWORD = "the first superadmin's password"


def _settings(tmp_path: Path, database_url: str, broker_url: str) -> IngestSettings:
    return load_settings(
        IngestSettings,
        env="test",
        database_url=SecretStr(database_url),
        broker_url=SecretStr(broker_url),
        storage_root=tmp_path / "store",
        jwt_secret=SecretStr("a key for the tests that is long enough"),
        admin_email="root@example.com",
        admin_password=SecretStr(PASSWORD),
    )


@asynccontextmanager
async def _running(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    await service.start()
    try:
        transport = httpx.ASGITransport(app=service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as client:
            yield client
    finally:
        await service.stop()


async def _upload(client: httpx.AsyncClient, photo: bytes) -> dict[str, str]:
    credentials = {"email": "root@example.com", "password": PASSWORD}
    signed_in = await client.post("/api/auth/login", json=credentials)
    headers = {"Authorization": f"Bearer {signed_in.json()['accessToken']}"}
    files = {"file": ("cat.jpg", photo, "image/jpeg")}
    answer = await client.post("/api/media", files=files, headers=headers)
    assert answer.status_code == 202, answer.text
    accepted: dict[str, str] = answer.json()
    return accepted


@pytest.fixture(scope="session")
def photo(photo_corpus: PhotoCorpus) -> bytes:
    """Return the bytes of a good JPEG."""
    return photo_corpus.photos(1, accept=lambda kind: kind == "image/jpeg")[0].path.read_bytes()


async def test_unmigrated_database_ends_the_start(tmp_path: Path, sqlite_url: str) -> None:
    """The error names the command, and the database is left as it was."""
    service = build_service(_settings(tmp_path, sqlite_url, NOBODY_THERE))
    with pytest.raises(SchemaNotCurrentError, match="mediamill-migrate"):
        await service.start()
    await service.stop()


async def test_uploads_are_taken_while_the_broker_is_away(
    tmp_path: Path, migrated_sqlite_url: str, photo: bytes
) -> None:
    """Ready, accepting, and honest in the metrics about what waits."""
    async with _running(build_service(_settings(tmp_path, migrated_sqlite_url, NOBODY_THERE))) as client:
        ready = await client.get("/health/ready")
        assert (ready.status_code, set(ready.json()["checks"])) == (200, {"database", "storage"})
        await _upload(client, photo)

        async def shows_what_waits() -> bool:
            return "media_outbox_pending 1.0" in (await client.get("/metrics")).text

        await eventually(shows_what_waits)
        assert (await client.get("/asyncapi/")).status_code == 200


async def test_upload_reaches_the_workers_queue(
    tmp_path: Path, migrated_postgres_url: str, rabbitmq_vhost_url: str, photo: bytes
) -> None:
    """From HTTP through admission to a worker, whose progress shows in the job."""
    orders: asyncio.Queue[MediaAccepted] = asyncio.Queue()

    async def on_accepted(event: MediaAccepted, _delivery: Delivery) -> None:
        await orders.put(event)
        report = MediaProgressed(
            media_id=event.media_id,
            job_id=event.job_id,
            user_id=event.user_id,
            progress=50,
            stage="started",
        )
        await worker.publisher.announce(report)

    subscription = Subscription(PROCESSOR_IMAGES, (route(MediaAccepted, on_accepted),))
    worker = RabbitTransport(rabbitmq_vhost_url, service="processor", subscriptions=(subscription,))
    await worker.start()
    try:
        service = build_service(_settings(tmp_path, migrated_postgres_url, rabbitmq_vhost_url))
        async with _running(service) as client:
            accepted = await _upload(client, photo)
            async with asyncio.timeout(60):
                order = await orders.get()
            assert str(order.media_id) == accepted["mediaId"]
            database = Database(migrated_postgres_url)
            try:
                await eventually(lambda: _progress_of(database, order, 50))
            finally:
                await database.close()
    finally:
        await worker.stop(5)


async def _progress_of(database: Database, order: MediaAccepted, expected: int) -> bool:
    async with database.read() as session:
        job = await jobs.find(session, order.job_id)
    return job is not None and (job.progress, job.status) == (expected, "active")


async def test_gauges_show_open_jobs_by_queue(tmp_path: Path, migrated_sqlite_url: str, photo: bytes) -> None:
    """Operators see how many jobs wait for which workers."""
    settings = _settings(tmp_path, migrated_sqlite_url, NOBODY_THERE)
    async with _running(build_service(settings)) as client:
        await _upload(client, photo)
        database = Database(migrated_sqlite_url)
        parts = build_parts(settings, database, LocalObjectStore(settings.storage_root))
        await parts.start()

        def waiting() -> bool:
            labels = {"queue": "processor.images", "status": "waiting"}
            return REGISTRY.get_sample_value("media_queue_size", labels) == 1

        await eventually(waiting)
        await parts.stop()
        await database.close()
