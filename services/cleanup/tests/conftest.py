"""A workbench for duties: a real database of either kind, real stores, and rows in any state."""

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import Row, insert, select

from mediamill_catalog import media, timeline
from mediamill_catalog.core import JOBS, MEDIA
from mediamill_catalog.tables import JobStatus, MediaStatus
from mediamill_cleanup.duty import Run
from mediamill_cleanup.premises import Premises
from mediamill_contracts import Message
from mediamill_contracts.ids import new_id
from mediamill_database import Database
from mediamill_outbox.tables import outbox
from mediamill_storage import keys
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.object_store import ObjectStore
from mediamill_testing.rows import job_row, medium_row

USER = "user-1"
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
M = TypeVar("M", bound=Message)


@pytest.fixture
def database(either_database: Database) -> Database:
    """Test on both kinds of database."""
    return either_database


@dataclass
class Bench:
    """What the tests act on and look at. Times are hours before `NOW`."""

    database: Database
    store: LocalObjectStore
    root: Path
    depths: dict[str, int] = field(default_factory=dict)
    """What the broker says; tests write into it."""

    @property
    def premises(self) -> Premises:
        """Everything a duty needs, without S3."""
        return Premises(self.database, self.store, self._read_depths)

    async def _read_depths(self) -> Mapping[str, int]:
        return self.depths

    async def put(self, key: str, content: bytes = b"pixels", *, age: timedelta = 2 * DAY) -> str:
        """Store an object that was written so long before `NOW`."""
        await self.store.put_stream(key, _chunks(content), media_type="image/jpeg")
        then = (NOW - age).timestamp()
        os.utime(self.root / key, (then, then))
        return key

    async def medium(
        self,
        status: MediaStatus = MediaStatus.READY,
        *,
        age: timedelta = 2 * DAY,
        key: str | None = None,
        **values: Any,
    ) -> UUID:
        """Insert a medium that nothing has happened to for `age`; its key is a staged one unless given."""
        media_id = values.pop("media_id", None) or new_id()
        columns = {
            "user_id": USER,
            "status": status,
            "size_bytes": 6,
            "sha256": None,
            "original_key": key or keys.staged_key(USER, media_id, "jpg"),
        }
        row = medium_row(media_id, now=NOW - age, **(columns | values))
        async with self.database.write() as session:
            await session.execute(insert(MEDIA), [row])
        return media_id

    async def job(
        self, media_id: UUID, status: JobStatus = JobStatus.WAITING, *, ended: timedelta | None = None
    ) -> UUID:
        """Insert a job of a medium that ended so long before `NOW`, if it did."""
        row = job_row(media_id, user_id=USER, now=NOW - (ended or timedelta()) - HOUR)
        async with self.database.write() as session:
            finished = None if ended is None else NOW - ended
            await session.execute(insert(JOBS), [row | {"status": status, "finished_at": finished}])
        job_id: UUID = row["id"]
        return job_id

    async def find(self, media_id: UUID) -> Row[Any]:
        """Return a medium that must exist."""
        async with self.database.read() as session:
            row = await media.find(session, media_id)
        assert row is not None
        return row

    async def job_ids(self) -> set[UUID]:
        """Return all jobs."""
        async with self.database.read() as session:
            return set((await session.execute(select(JOBS.c.id))).scalars())

    async def happenings(self, media_id: UUID) -> list[str]:
        """Return the names in a medium's timeline."""
        async with self.database.read() as session:
            return [line.name for line in await timeline.of_media(session, media_id)]

    async def emitted(self, model: type[M]) -> list[M]:
        """Return all messages of one type in the outbox, oldest first."""
        async with self.database.read() as session:
            found = await session.execute(
                select(outbox.c.payload).where(outbox.c.type == model.wire_name).order_by(outbox.c.id)
            )
            return [model.model_validate_json(payload) for payload in found.scalars()]

    async def stored(self, store: ObjectStore | None = None) -> set[str]:
        """Return the keys of all objects."""
        return {found.key async for found in (store or self.store).list("")}


@pytest.fixture
async def bench(database: Database, tmp_path: Path) -> AsyncIterator[Bench]:
    """Give an empty installation."""
    root = tmp_path / "store"
    store = LocalObjectStore(root, fsync=False)
    yield Bench(database, store, root)
    await store.close()


@pytest.fixture
def run() -> Run:
    """Give a run that is in earnest."""
    return Run(NOW)


@pytest.fixture
def dry_run() -> Run:
    """Give a run that only looks."""
    return Run(NOW, dry_run=True)


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content
