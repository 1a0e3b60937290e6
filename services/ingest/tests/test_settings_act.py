"""What an operator decides acts on every replica within five seconds, without a restart."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from mediamill_catalog.settings import save
from mediamill_contracts.media import MediaAccepted, MediaUploaded
from mediamill_contracts.platform import SettingsChanged
from mediamill_contracts.recipe import Recipe
from mediamill_contracts.topology import INGEST_ADMISSION, INGEST_SETTINGS
from mediamill_database import Database
from mediamill_ingest.main import IngestParts, build_parts
from mediamill_ingest.settings import UploadSettings
from mediamill_messaging.subscription import Delivery
from mediamill_outbox.tables import outbox
from mediamill_runtime.identity import TokenIssuer
from mediamill_runtime.settings import load_settings
from mediamill_storage.local import LocalObjectStore
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.waiting import eventually

KEY = "a key for the tests that is long enough"
ACTS_WITHIN_SECONDS = 5.0


class Replica:
    """One ingest without a transport: nobody tells it of changes."""

    def __init__(self, parts: IngestParts, database: Database) -> None:
        self.parts = parts
        self._database = database

    def has_s3(self) -> bool:
        """Return whether it acts on settings with S3."""
        return self.parts.settings.current.s3_enabled

    async def admit(self, photo: bytes) -> Recipe:
        """Take a picture in and admit it; return the recipe that a worker would get."""
        token = TokenIssuer(KEY, lifetime_seconds=600).issue("anna", "user")
        transport = httpx.ASGITransport(app=self.parts.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as client:
            answer = await client.post(
                "/api/media",
                files={"file": ("cat.jpg", photo, "image/jpeg")},
                data={"entityType": "avatar"},
                headers={"Authorization": f"Bearer {token}"},
            )
        job_id = answer.json()["jobId"]
        uploaded = MediaUploaded.model_validate_json(await self._emitted(MediaUploaded.wire_name, job_id))
        (handler,) = (route.handler for route in self.parts.subscriptions[0].routes)
        delivery = Delivery(INGEST_ADMISSION.name, job_id, uploaded.wire_name, uploaded.routing_key)
        await handler(uploaded, delivery)
        accepted = await self._emitted(MediaAccepted.wire_name, job_id)
        return MediaAccepted.model_validate_json(accepted).recipe

    async def _emitted(self, wire_name: str, job_id: str) -> bytes:
        async with self._database.read() as session:
            payloads = await session.execute(select(outbox.c.payload).where(outbox.c.type == wire_name))
            return next(bytes(payload) for payload in payloads.scalars() if job_id.encode() in bytes(payload))


@asynccontextmanager
async def _replica(url: str, root: Path) -> AsyncIterator[Replica]:
    settings = load_settings(UploadSettings, env="test", jwt_secret=SecretStr(KEY), storage_root=root)
    database = Database(url)
    store = LocalObjectStore(root)
    parts = build_parts(settings, database, store)
    await parts.start()
    try:
        yield Replica(parts, database)
    finally:
        await parts.stop()
        await store.close()
        await database.close()


@pytest.mark.parametrize("kind", ["migrated_sqlite_url", "migrated_postgres_url"])
async def test_change_acts_on_both_replicas(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, photo_corpus: PhotoCorpus
) -> None:
    """What is admitted five seconds later by either has the new variants, strategy and bucket."""
    url = request.getfixturevalue(kind)
    photo = photo_corpus.photo("jpeg_baseline.jpg").path.read_bytes()
    async with AsyncExitStack() as running:
        replicas = [await running.enter_async_context(_replica(url, tmp_path / "store")) for _ in range(2)]
        for replica in replicas:
            before = await replica.admit(photo)
            assert (before.strategy, before.s3, len(before.variants)) == ("local_only", None, 3)
        operator = Database(url)
        running.push_async_callback(operator.close)
        async with operator.write() as session:
            tiny = {"name": "tiny", "width": 48, "height": 48}
            changes = {
                "s3_enabled": True,
                "s3_bucket": "photos",
                "entity_types": {"avatar": {"strategy": "both", "variants": [tiny]}},
            }
            await save(session, changes, changed_by="olga")
        changed_at = time.monotonic()
        for replica in replicas:
            left = changed_at + ACTS_WITHIN_SECONDS - time.monotonic()
            await eventually(replica.has_s3, timeout=left)
            after = await replica.admit(photo)
            assert [variant.name for variant in after.variants] == ["tiny"]
            assert (after.strategy, after.s3 and after.s3.bucket) == ("both", "photos")


async def test_told_of_a_change_a_replica_looks_at_once(tmp_path: Path, migrated_sqlite_url: str) -> None:
    """The announcement, which every replica gets, spares the wait for the next look."""
    async with _replica(migrated_sqlite_url, tmp_path / "store") as replica:
        operator = Database(migrated_sqlite_url)
        async with operator.write() as session:
            await save(session, {"delete_mode": "hard"}, changed_by="olga")
            payload = (await session.execute(select(outbox.c.payload))).scalar_one()
        await operator.close()
        (stream,) = (item for item in replica.parts.broadcasts if item.broadcast is INGEST_SETTINGS)
        assert stream.routes[0].model is SettingsChanged
        announced = SettingsChanged.model_validate_json(payload)
        delivery = Delivery(INGEST_SETTINGS.name, "1", announced.wire_name, announced.routing_key)
        await stream.routes[0].handler(announced, delivery)
        assert replica.parts.settings.current.delete_mode == "hard"
