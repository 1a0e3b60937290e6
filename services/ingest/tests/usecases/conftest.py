"""A workbench for use cases: a real database of either kind, a real store, and a look into the outbox."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import Row, event, select
from sqlalchemy.orm import Session

from mediamill_catalog import jobs, media, timeline
from mediamill_catalog.recipes import RecipeBook
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import utc_now
from mediamill_contracts import Message
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import (
    MediaAccepted,
    MediaProcessed,
    MediaUploaded,
    StagedObject,
)
from mediamill_contracts.recipe import Limits, ObjectRef, PictureFacts, ProducedVariant
from mediamill_database import Database
from mediamill_ingest.current_stores import CurrentStores
from mediamill_ingest.usecases.accept_upload import AcceptedUpload, StagedUpload, UploadIntake
from mediamill_ingest.usecases.admit_upload import Admission, admit_upload
from mediamill_outbox.tables import outbox
from mediamill_storage.inspection import AcceptancePolicy
from mediamill_storage.keys import staged_key, variant_key
from mediamill_storage.local import LocalObjectStore

USER = "user-1"
PHOTO = b"not really a photo: an own upload is not looked at twice"
M = TypeVar("M", bound=Message)


@pytest.fixture
def database(either_database: Database) -> Database:
    """Test on both kinds of database."""
    return either_database


@dataclass(frozen=True)
class Workbench:
    """What the tests act on and look at."""

    database: Database
    store: LocalObjectStore
    admission: Admission

    @property
    def stores(self) -> CurrentStores:
        """Where use cases find objects."""
        return self.admission.stores

    def with_settings(self, settings: PlatformSettings) -> "Workbench":
        """Return the same workbench under other settings."""
        stores = replace(self.stores, settings=lambda: settings)
        recipes = RecipeBook(lambda: settings, Limits())
        return replace(self, admission=replace(self.admission, stores=stores, recipes=recipes))

    async def put(self, key: str, content: bytes) -> None:
        """Store an object."""
        await self.store.put_stream(key, _chunks(content), media_type="image/jpeg")

    async def stage(self, content: bytes, user_id: str = USER) -> tuple[UUID, str]:
        """Put bytes into a user's staging folder; return a new media id and the key."""
        media_id = new_id()
        key = staged_key(user_id, media_id, "jpg")
        await self.store.put_stream(key, _chunks(content), media_type="image/jpeg")
        return media_id, key

    async def accept(self, content: bytes = PHOTO) -> AcceptedUpload:
        """Take an upload in, as the HTTP route does."""
        media_id, key = await self.stage(content)
        sha256 = hashlib.sha256(content).hexdigest()
        upload = StagedUpload(media_id, USER, key, len(content), sha256, "image/jpeg", "cat.jpg")
        return await UploadIntake(self.database).accept(upload)

    async def announce(self, content: bytes | None, **changes: Any) -> MediaUploaded:
        """Stage bytes as a gateway does, if there are any, and return its announcement."""
        user_id = changes.get("user_id", USER)
        media_id, key = await self.stage(content or b"", user_id)
        if content is None:
            await self.store.delete(key)
        announcement = MediaUploaded(
            media_id=media_id,
            job_id=new_id(),
            user_id=user_id,
            staged=StagedObject(key=key, size_bytes=len(content or b"")),
            file_name="cat.jpg",
            uploaded_at=utc_now(),
        )
        return announcement.model_copy(update=changes)

    async def admitted(self) -> MediaAccepted:
        """Take an upload in and admit it."""
        await self.accept()
        await admit_upload(self.admission, await self.last(MediaUploaded))
        return await self.last(MediaAccepted)

    async def processed(self, accepted: MediaAccepted) -> MediaProcessed:
        """Store the variants of an admitted upload and return the worker's result."""
        variants = []
        for name in ("large", "thumb"):
            key = variant_key(accepted.variant_prefix, name, "image/webp")
            await self.store.put_stream(key, _chunks(b"pixels"), media_type="image/webp")
            ref = ObjectRef(key=key, size_bytes=6, sha256="0" * 64, media_type="image/webp")
            variants.append(ProducedVariant(name=name, object=ref, width=40, height=30))
        return MediaProcessed(
            media_id=accepted.media_id,
            job_id=accepted.job_id,
            user_id=accepted.user_id,
            source=accepted.source,
            facts=PictureFacts(width=40, height=30, thumbhash="AAAA", dominant_color="#102030"),
            variants=tuple(variants),
            duration_ms=120,
        )

    async def emitted(self, model: type[M]) -> list[M]:
        """Return all messages of one type in the outbox, oldest first."""
        async with self.database.read() as session:
            found = await session.execute(
                select(outbox.c.payload).where(outbox.c.type == model.wire_name).order_by(outbox.c.id)
            )
            return [model.model_validate_json(payload) for payload in found.scalars()]

    async def last(self, model: type[M]) -> M:
        """Return the newest message of one type in the outbox."""
        return (await self.emitted(model))[-1]

    async def find(self, media_id: UUID) -> Row[Any] | None:
        """Return a medium, or None."""
        async with self.database.read() as session:
            return await media.find(session, media_id)

    async def medium(self, media_id: UUID) -> Row[Any]:
        """Return a medium that must exist."""
        row = await self.find(media_id)
        assert row is not None
        return row

    async def job(self, job_id: UUID) -> Row[Any]:
        """Return a job that must exist."""
        async with self.database.read() as session:
            row = await jobs.find(session, job_id)
        assert row is not None
        return row

    async def happenings(self, media_id: UUID) -> list[str]:
        """Return the names in a medium's timeline."""
        async with self.database.read() as session:
            return [line.name for line in await timeline.of_media(session, media_id)]

    async def stored(self) -> set[str]:
        """Return the keys of all objects."""
        return {found.key async for found in self.store.list("")}

    def impatient(self) -> Admission:
        """Return an admission that does not wait for late bytes."""
        return replace(self.admission, late_seconds=0)


@pytest.fixture
async def bench(database: Database, tmp_path: Path) -> AsyncIterator[Workbench]:
    """Give a workbench with the default rules."""
    store = LocalObjectStore(tmp_path / "store", fsync=False)
    settings = PlatformSettings()
    recipes = RecipeBook(lambda: settings, Limits())
    stores = CurrentStores(store, None, lambda: settings)
    yield Workbench(database, store, Admission(database, stores, AcceptancePolicy(), recipes))
    await store.close()


@contextmanager
def dying_at_commit(after: int = 0) -> Iterator[None]:
    """Fail each commit but the first `after`, as if the process had ended just before it."""
    commits = 0

    def fail(_session: Session) -> None:
        nonlocal commits
        commits += 1
        if commits > after:
            raise ConnectionError("the process ended here")

    event.listen(Session, "before_commit", fail)
    try:
        yield
    finally:
        event.remove(Session, "before_commit", fail)


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content
