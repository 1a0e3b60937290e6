"""Admission of bytes that are staged in S3: sealed before they are judged, whoever may still write there."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mediamill_catalog.recipes import RecipeBook
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import MediaStatus, StorageStatus, UploadMethod, utc_now
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaAccepted, MediaRejected, MediaUploaded, StagedObject
from mediamill_contracts.recipe import Limits
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import RequestPurge
from mediamill_database import Database
from mediamill_ingest.current_stores import CurrentStores
from mediamill_ingest.usecases.admit_upload import Admission, admit_upload
from mediamill_ingest.usecases.cancel_job import cancel_job
from mediamill_ingest.usecases.confirm_upload import Confirmation
from mediamill_ingest.usecases.initiate_upload import UploadPace, WantedUpload, initiate_upload
from mediamill_ingest.usecases.record_failure import FailureRecords
from mediamill_messaging.errors import PermanentError
from mediamill_storage.inspection import AcceptancePolicy
from mediamill_storage.keys import quarantine_key, staged_key
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.object_store import ObjectNotFoundError, ObjectStat, StoreUnavailableError
from mediamill_storage.s3 import S3Credentials
from mediamill_storage.s3.store import S3ObjectStore
from mediamill_testing.photos import PhotoCorpus

from .conftest import USER, Workbench, dying_at_commit


class WatchedStore(S3ObjectStore):
    """Lets a test act right after a copy within the bucket, or make removing fail."""

    after_copy: Callable[[str, str], Awaitable[None]] | None = None
    broken_delete = False

    async def copy(self, source_key: str, target_key: str, **options: Any) -> ObjectStat:
        """Copy, and let the test act."""
        copied = await super().copy(source_key, target_key, **options)
        if self.after_copy is not None:
            await self.after_copy(source_key, target_key)
        return copied

    async def delete(self, key: str) -> bool:
        """Remove, unless the process is to die here."""
        if self.broken_delete:
            raise StoreUnavailableError("unreachable", "the process ended here")
        return await super().delete(key)


@dataclass(frozen=True)
class OneBucket:
    """Gives the watched store, wherever it is asked for."""

    store: WatchedStore

    def at(self, _location: S3Location) -> WatchedStore:
        """Return the store."""
        return self.store


@dataclass(frozen=True)
class CloudBench(Workbench):
    """A workbench whose gateways stage in S3."""

    cloud: WatchedStore

    async def put(self, key: str, content: bytes) -> None:
        """Store an object as somebody with credentials or a signed URL does."""
        await self.cloud.put_stream(key, _chunks(content), media_type="image/jpeg")

    async def announce_in_s3(self, content: bytes | None, **changes: Any) -> MediaUploaded:
        """Stage bytes in S3 as a gateway does, if there are any, and return its announcement."""
        media_id = new_id()
        key = staged_key(USER, media_id, "jpg")
        if content is not None:
            await self.put(key, content)
        announcement = MediaUploaded(
            media_id=media_id,
            job_id=new_id(),
            user_id=USER,
            staged=StagedObject(store="s3", key=key, size_bytes=len(content or b"")),
            file_name="cat.jpg",
            uploaded_at=utc_now(),
        )
        return announcement.model_copy(update=changes)

    async def confirmed(self, content: bytes) -> MediaUploaded:
        """Let a client send bytes to S3 itself, and return what admission is told."""
        wanted = WantedUpload(USER, "cat.jpg", "image/jpeg", len(content))
        row = await initiate_upload(self.database, UploadPace(), wanted)
        await self.put(row.original_key, content)
        stores, policy = self.admission.stores, self.admission.policy
        await Confirmation(self.database, stores, policy, timedelta(days=1)).confirm(row.id, USER)
        return await self.last(MediaUploaded)

    async def clear_s3(self) -> None:
        """Do what the service that removes objects was asked to do."""
        for request in await self.emitted(RequestPurge):
            assert request.stores == ("s3",)
            for key in request.keys:
                await self.cloud.delete(key)

    async def in_s3(self) -> set[str]:
        """Return the keys in the bucket."""
        return {found.key async for found in self.cloud.list("")}

    async def content(self, key: str) -> bytes:
        """Return the bytes of an object in S3."""
        return b"".join([chunk async for chunk in self.cloud.read(key)])


@pytest.fixture
async def bench(
    database: Database,
    tmp_path: Path,
    s3_location: S3Location,
    s3_credentials: S3Credentials,
    s3_settings: PlatformSettings,
) -> AsyncIterator[CloudBench]:
    """Give a workbench with S3."""
    store = LocalObjectStore(tmp_path / "store", fsync=False)
    cloud = WatchedStore(s3_location, s3_credentials)
    stores = CurrentStores(store, OneBucket(cloud), lambda: s3_settings)
    recipes = RecipeBook(lambda: s3_settings, Limits())
    admission = Admission(database, stores, AcceptancePolicy(), recipes)
    yield CloudBench(database, store, admission, cloud)
    await cloud.close()
    await store.close()


@pytest.fixture(scope="session")
def photo(photo_corpus: PhotoCorpus) -> bytes:
    """Return the bytes of a good JPEG."""
    return photo_corpus.photo("jpeg_baseline.jpg").path.read_bytes()


@pytest.mark.parametrize("way", ["confirmed", "announce_in_s3"])
async def test_a_source_in_s3_is_published_there(
    bench: CloudBench, photo: bytes, way: str, s3_location: S3Location
) -> None:
    """The original lies in S3 under its permanent key and nowhere else; the worker is told where that is."""
    event = await getattr(bench, way)(photo)
    await admit_upload(bench.admission, event)
    accepted = await bench.last(MediaAccepted)
    assert accepted.source.store == "s3"
    assert accepted.recipe.s3 == s3_location
    assert accepted.source.sha256 == hashlib.sha256(photo).hexdigest()
    assert await bench.in_s3() == {accepted.source.key}
    assert await bench.content(accepted.source.key) == photo
    stat = await bench.cloud.stat(accepted.source.key)
    assert stat is not None
    assert stat.sha256 == accepted.source.sha256
    medium = await bench.medium(event.media_id)
    assert (medium.original_key, medium.storage_status) == (accepted.source.key, StorageStatus.S3)
    methods = {"confirmed": UploadMethod.PRESIGNED, "announce_in_s3": UploadMethod.GATEWAY}
    assert medium.upload_method == methods[way]
    assert await bench.stored() == set()


@pytest.mark.parametrize("way", ["confirmed", "announce_in_s3"])
async def test_admitting_again_changes_nothing(bench: CloudBench, photo: bytes, way: str) -> None:
    """Deliveries at the same time, and a later one, hand out one job and leave one object."""
    event = await getattr(bench, way)(photo)
    await asyncio.gather(*(admit_upload(bench.admission, event) for _ in range(4)))
    await admit_upload(bench.admission, event)
    (accepted,) = await bench.emitted(MediaAccepted)
    assert await bench.emitted(MediaRejected) == []
    assert await bench.in_s3() == {accepted.source.key}


@pytest.mark.parametrize("commits", [0, 1, 2])
@pytest.mark.parametrize("way", ["confirmed", "announce_in_s3"])
async def test_death_at_any_commit_is_made_good(
    bench: CloudBench, photo: bytes, way: str, commits: int
) -> None:
    """Wherever the process ends, the next delivery finishes the work, and nothing is there twice."""
    event = await getattr(bench, way)(photo)
    with dying_at_commit(after=commits):
        try:
            await admit_upload(bench.admission, event)
        except ConnectionError:
            assert await bench.emitted(MediaAccepted) == []
    await admit_upload(bench.admission, event)
    (accepted,) = await bench.emitted(MediaAccepted)
    assert await bench.content(accepted.source.key) == photo
    sealed = {key for key in await bench.in_s3() if key.endswith(".sealed")}
    assert await bench.in_s3() - sealed == {accepted.source.key}


async def test_death_before_the_cleaning_up_is_made_good(bench: CloudBench, photo: bytes) -> None:
    """When the staged object outlived its admission, the next delivery removes it."""
    event = await bench.confirmed(photo)
    bench.cloud.broken_delete = True
    with pytest.raises(StoreUnavailableError):
        await admit_upload(bench.admission, event)
    assert event.staged.key in await bench.in_s3()
    bench.cloud.broken_delete = False
    await admit_upload(bench.admission, event)
    (accepted,) = await bench.emitted(MediaAccepted)
    assert await bench.in_s3() == {accepted.source.key}


async def test_writing_during_admission_changes_nothing_published(bench: CloudBench, photo: bytes) -> None:
    """Whoever overwrites the staged object once it is sealed publishes nothing by that."""
    event = await bench.announce_in_s3(photo)
    program = b"\x7fELF" + bytes(len(photo) - 4)

    async def overwrite(source_key: str, _target_key: str) -> None:
        if source_key == event.staged.key:
            await bench.put(event.staged.key, program)

    bench.cloud.after_copy = overwrite
    await admit_upload(bench.admission, event)
    (accepted,) = await bench.emitted(MediaAccepted)
    assert await bench.content(accepted.source.key) == photo
    assert await bench.in_s3() == {accepted.source.key}


async def test_bytes_that_change_between_deliveries_are_refused(bench: CloudBench, photo: bytes) -> None:
    """A hash on record is not taken for other bytes that came under the same key since."""
    event = await bench.announce_in_s3(photo)
    with dying_at_commit(after=2), pytest.raises(ConnectionError):
        await admit_upload(bench.admission, event)
    for key in await bench.in_s3():
        if key.startswith("permanent/"):
            await bench.cloud.delete(key)
    middle = len(photo) // 2
    await bench.put(event.staged.key, photo[:middle] + bytes([photo[middle] ^ 1]) + photo[middle + 1 :])
    await admit_upload(bench.admission, event)
    assert await bench.emitted(MediaAccepted) == []
    assert [verdict.code for verdict in await bench.emitted(MediaRejected)] == ["checksum_mismatch"]


async def test_bad_bytes_are_quarantined_in_s3(bench: CloudBench, photo_corpus: PhotoCorpus) -> None:
    """The verdict says where the refused bytes are, and nothing stays in staging."""
    event = await bench.announce_in_s3(photo_corpus.hostile("elf").path.read_bytes())
    await asyncio.gather(*(admit_upload(bench.admission, event) for _ in range(2)))
    verdict = await bench.last(MediaRejected)
    assert (verdict.code, verdict.quarantine_store) == ("executable_content", "s3")
    assert await bench.in_s3() == {quarantine_key(event.media_id)}
    await FailureRecords(bench.database, bench.stores).record_rejected(verdict)
    medium = await bench.medium(event.media_id)
    assert (medium.status, medium.original_key) == (MediaStatus.FAILED, quarantine_key(event.media_id))
    await admit_upload(bench.admission, event)
    assert await bench.in_s3() == {quarantine_key(event.media_id)}


async def test_a_verdict_that_was_not_sent_is_found_again(
    bench: CloudBench, photo_corpus: PhotoCorpus
) -> None:
    """When bad bytes were put away but the process ended, the next delivery gives the same verdict."""
    event = await bench.announce_in_s3(photo_corpus.hostile("elf").path.read_bytes())
    with dying_at_commit(after=1), pytest.raises(ConnectionError):
        await admit_upload(bench.admission, event)
    await bench.cloud.delete(event.staged.key)
    await admit_upload(bench.admission, event)
    assert [verdict.code for verdict in await bench.emitted(MediaRejected)] == ["executable_content"]


async def test_a_refused_upload_that_was_cancelled_leaves_nothing(
    bench: CloudBench, photo_corpus: PhotoCorpus
) -> None:
    """Quarantined bytes of a cancelled job are removed from the store that they are in."""
    event = await bench.announce_in_s3(photo_corpus.hostile("elf").path.read_bytes())
    await admit_upload(bench.admission, event)
    await cancel_job(bench.database, event.job_id, actor=USER, settings=bench.stores.settings())
    await FailureRecords(bench.database, bench.stores).record_rejected(await bench.last(MediaRejected))
    await bench.clear_s3()
    assert await bench.in_s3() == set()


async def test_a_cancelled_upload_leaves_nothing(bench: CloudBench, photo: bytes) -> None:
    """What was staged for a job that nobody waits for is removed."""
    event = await bench.confirmed(photo)
    await cancel_job(bench.database, event.job_id, actor=USER, settings=bench.stores.settings())
    await admit_upload(bench.admission, event)
    await bench.clear_s3()
    assert await bench.in_s3() == set()
    assert await bench.emitted(MediaAccepted) == []


async def test_late_bytes_are_waited_for(bench: CloudBench, photo: bytes) -> None:
    """An announcement ahead of its object comes again; when the object never comes, it is refused."""
    event = await bench.announce_in_s3(None)
    with pytest.raises(ObjectNotFoundError):
        await admit_upload(bench.admission, event)
    await admit_upload(replace(bench.admission, late_seconds=0), event)
    assert (await bench.last(MediaRejected)).code == "object_missing"
    on_time = await bench.announce_in_s3(photo)
    await admit_upload(bench.admission, on_time)
    assert (await bench.last(MediaAccepted)).media_id == on_time.media_id


async def test_s3_that_is_not_connected_is_named(bench: CloudBench, photo: bytes) -> None:
    """Without S3 the announcement becomes a dead letter that can be replayed when it is there."""
    event = await bench.announce_in_s3(photo)
    without = replace(bench.admission, stores=CurrentStores(bench.store))
    with pytest.raises(PermanentError) as refusal:
        await admit_upload(without, event)
    assert refusal.value.code == "unknown_store"
    await admit_upload(bench.admission, event)
    assert len(await bench.emitted(MediaAccepted)) == 1


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content
