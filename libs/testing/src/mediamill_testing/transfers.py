"""Media to transfer, and the two services that do it: ingest as the record, storage-sync as the worker.

Media are written as if they had been processed long ago, so that a thousand of them cost seconds.
"""

import hashlib
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from mediamill_catalog import media, sync_jobs, sync_planning
from mediamill_catalog.core import MEDIA, SYNC_JOBS, VARIANTS
from mediamill_catalog.sync_jobs import (
    SyncJobDetails,
)
from mediamill_catalog.sync_planning import SyncLimits, SyncRequest
from mediamill_catalog.tables import StorageStatus, SyncStatus
from mediamill_contracts.ids import new_id
from mediamill_contracts.recipe import ObjectRef, Store
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import SyncOperation
from mediamill_database import Database
from mediamill_storage.keys import original_key, permanent_prefix, variant_key
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.object_store import ObjectNotFoundError, ObjectStore
from mediamill_storage.s3 import S3Credentials, S3Stores
from mediamill_storage.stores import Stores
from mediamill_testing.rows import medium_row, variant_row
from mediamill_testing.servers.postgres import MIGRATED, PostgresServer
from mediamill_testing.servers.process import Scratch
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.servers.s3 import S3Server
from mediamill_testing.system import ServiceProcess
from mediamill_testing.waiting import eventually

JWT_SECRET = "a key for the tests that is long enough to sign with"  # noqa: S105 - of private servers
OPEN = (SyncStatus.WAITING, SyncStatus.ACTIVE)


class TransferSystem:
    """ingest and storage-sync as processes, on one broker, one database, one folder and one bucket.

    The database must be migrated already.
    """

    def __init__(
        self,
        *,
        broker_url: str,
        database_url: str,
        bucket: S3Location,
        credentials: S3Credentials,
        patience_seconds: float = 5,
    ) -> None:
        self.broker_url = broker_url
        self.database_url = database_url
        self.bucket = bucket
        self.credentials = credentials
        self.scratch = Scratch("transfers")
        self.storage = self.scratch.path / "storage"
        environment = {
            "MEDIAMILL_ENV": "test",
            "BROKER_URL": broker_url,
            "STORAGE_ROOT": str(self.storage),
            "JWT_SECRET": JWT_SECRET,
            "LOG_FORMAT": "json",
            "S3_ENDPOINT": bucket.endpoint or "",
            "S3_BUCKET_NAME": bucket.bucket,
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
            "STORAGE_SYNC_PATIENCE_SECONDS": str(patience_seconds),
        }
        control = {**environment, "DATABASE_URL": database_url}
        self.ingest = ServiceProcess("ingest", control, scratch=self.scratch)
        self.storage_sync = ServiceProcess("storage-sync", environment, scratch=self.scratch)

    def start(self) -> "TransferSystem":
        """Start both and wait until they are ready."""
        for service in (self.ingest, self.storage_sync):
            service.start(wait=False)
        for service in (self.ingest, self.storage_sync):
            service.wait_ready()
        return self

    def close(self) -> None:
        """Stop both and remove their files."""
        self.storage_sync.close()
        self.ingest.close()
        self.scratch.remove()


@contextmanager
def transfer_system(
    rabbitmq: RabbitServer, postgres: PostgresServer, s3: S3Server, *, s3_url: str
) -> Iterator[TransferSystem]:
    """Run both services on a broker, a database and a bucket of their own; they see S3 at `s3_url`.

    The PostgreSQL server is the one of the fixture `migrated_postgres`.
    """
    with rabbitmq.vhost() as vhost, postgres.database(MIGRATED) as database_url, s3.bucket() as bucket:
        system = TransferSystem(
            broker_url=rabbitmq.url_of(vhost),
            database_url=database_url,
            bucket=bucket.model_copy(update={"endpoint": s3_url}),
            credentials=s3.credentials,
        )
        with closing(system):
            yield system.start()


class Operator:
    """Asks a system for transfers, and looks at its records and stores.

    `s3_url` is where S3 is for these looks: the services may see it through a proxy that fails.
    """

    def __init__(self, system: TransferSystem, s3_url: str) -> None:
        self.database = Database(system.database_url)
        self.system = system
        self.bucket = system.bucket
        self.credentials = system.credentials
        self._seen_bucket = system.bucket.model_copy(update={"endpoint": s3_url})
        self._local = LocalObjectStore(system.storage, fsync=False)
        self._s3 = S3Stores(system.credentials, endpoint=s3_url)

    def store(self, name: Store) -> ObjectStore:
        """Return a store by its name."""
        return Stores(self._local, self._s3).of(name, self._seen_bucket)

    async def close(self) -> None:
        """Give back what the stores hold."""
        await self._s3.close()
        await self._local.close()
        await self.database.close()

    async def add_media(
        self, count: int, *, size: int = 2_000, variants: int = 1, entity_type: str = "general"
    ) -> list[UUID]:
        """Add READY media in local storage, each an original of `size` random bytes and small variants."""
        rows, variant_rows = [], []
        for _ in range(count):
            media_id, now = new_id(), datetime.now(UTC)
            content = os.urandom(size)
            prefix = permanent_prefix(media_id, hashlib.sha256(content).hexdigest(), now)
            original = await self._put(original_key(prefix, "image/jpeg"), content)
            rows.append(_medium(media_id, original, entity_type, now))
            for number in range(variants):
                key = variant_key(prefix, f"v{number}", "image/webp")
                stored = await self._put(key, os.urandom(200))
                variant_rows.append(
                    variant_row(
                        media_id,
                        f"v{number}",
                        key=stored.key,
                        size_bytes=stored.size_bytes,
                        sha256=stored.sha256,
                    )
                )
        async with self.database.write() as session:
            await session.execute(insert(MEDIA).inline(), rows)
            if variant_rows:
                await session.execute(insert(VARIANTS).inline(), variant_rows)
        return [row["id"] for row in rows]

    async def ask(
        self, operation: SyncOperation, media_ids: Sequence[UUID], *, delete_source: bool = False
    ) -> UUID:
        """Ask for an operation; return the job's id."""
        request = SyncRequest(
            operation, "root", media_ids=media_ids, delete_source=delete_source, s3=self.bucket
        )
        limits = SyncLimits.of_dialect(self.database.dialect)
        async with self.database.write() as session:
            return await sync_planning.plan(session, request, limits, now=datetime.now(UTC))

    async def retry(self, job_id: UUID) -> None:
        """Send out again what is not done."""
        async with self.database.write() as session:
            await sync_jobs.retry(session, job_id, s3=self.bucket, now=datetime.now(UTC))

    async def cancel(self, job_id: UUID) -> None:
        """End a job before its time."""
        async with self.database.write() as session:
            await sync_jobs.cancel(session, job_id, now=datetime.now(UTC))

    async def job(self, job_id: UUID) -> SyncJobDetails:
        """Return the job as it is now."""
        async with self.database.read() as session:
            details = await sync_jobs.find(session, job_id)
        assert details is not None  # noqa: S101 - jobs are never removed here
        return details

    async def status(self, job_id: UUID) -> SyncStatus:
        """Return the job's status as it is now."""
        status = select(SYNC_JOBS.c.status).where(SYNC_JOBS.c.id == job_id)
        async with self.database.read() as session:
            found: SyncStatus = (await session.execute(status)).scalar_one()
        return found

    async def end_of(self, job_id: UUID, seconds: float = 120) -> SyncJobDetails:
        """Wait until the job has ended; return it."""

        async def ended() -> bool:
            return await self.status(job_id) not in OPEN

        await eventually(ended, timeout=seconds)
        return await self.job(job_id)

    async def statuses(self, media_ids: Sequence[UUID]) -> set[StorageStatus]:
        """Return what the rows claim."""
        async with self.database.read() as session:
            return {row.storage_status for row in (await media.find_many(session, media_ids)).values()}

    async def missing(self, media_ids: Sequence[UUID]) -> list[str]:
        """Return every object that a row claims and that cannot be fetched with the right bytes."""
        async with self.database.read() as session:
            rows = await media.find_many(session, media_ids)
            variants = await media.variants_of(session, list(rows))
        lost = []
        for row in rows.values():
            claimed: list[Store] = ["local", "s3"]
            if row.storage_status is not StorageStatus.BOTH:
                claimed = ["local" if row.storage_status is StorageStatus.LOCAL else "s3"]
            objects = [(row.original_key, row.sha256)]
            objects += [(variant.key, variant.sha256) for variant in variants.get(row.id, [])]
            for store in claimed:
                lost += [f"{store}:{key}" for key, sha in objects if not await self._has(store, key, sha)]
        return lost

    async def keys_in(self, store: Store) -> set[str]:
        """Return the keys of all permanent objects of a store."""
        return {found.key async for found in self.store(store).list("permanent/")}

    async def _has(self, store: Store, key: str, sha256: str) -> bool:
        digest = hashlib.sha256()
        try:
            async for chunk in self.store(store).read(key):
                digest.update(chunk)
        except ObjectNotFoundError:
            return False
        return digest.hexdigest() == sha256

    async def _put(self, key: str, content: bytes) -> ObjectRef:
        async def chunks() -> AsyncIterator[bytes]:
            yield content

        await self._local.put_stream(key, chunks(), media_type="image/jpeg")
        return ObjectRef(
            key=key,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            media_type="image/jpeg",
        )


def _medium(media_id: UUID, original: ObjectRef, entity_type: str, now: datetime) -> dict[str, Any]:
    return medium_row(
        media_id,
        now=now,
        ready_at=now,
        entity_type=entity_type,
        media_type=original.media_type,
        size_bytes=original.size_bytes,
        sha256=original.sha256,
        original_key=original.key,
    )
