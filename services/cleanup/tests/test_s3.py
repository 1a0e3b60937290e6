"""Duties treat what waits in S3 as they treat what waits in the local store, on a real S3 server."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import JobStatus, MediaStatus, StorageStatus, UploadMethod, utc_now
from mediamill_cleanup.duty import Run
from mediamill_cleanup.premises import Premises
from mediamill_cleanup.usecases.clear_quarantine import clear_quarantine
from mediamill_cleanup.usecases.expire_uploads import AWAY, expire_uploads
from mediamill_cleanup.usecases.sweep_temporary import sweep_temporary
from mediamill_contracts.storage import S3Location
from mediamill_storage import keys
from mediamill_storage.s3 import S3Credentials, S3Http
from mediamill_storage.s3.store import S3ObjectStore
from mediamill_storage.s3.stores import S3Stores
from mediamill_testing.ports import free_port
from mediamill_testing.servers.s3 import S3Server

from .conftest import DAY, Bench


@pytest.fixture
async def premises(
    bench: Bench, s3_location: S3Location, s3_credentials: S3Credentials
) -> AsyncIterator[Premises]:
    """Give an installation with S3."""
    stores = S3Stores(s3_credentials, endpoint=s3_location.endpoint)
    yield replace(bench.premises, s3=stores, location=lambda: s3_location)
    await stores.close()


@pytest.fixture
def later() -> Run:
    """Give a run of two days from now: S3 dates objects itself."""
    return Run(utc_now() + 2 * DAY)


async def put(store: S3ObjectStore, key: str) -> str:
    """Store six bytes."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"pixels"

    await store.put_stream(key, chunks(), media_type="image/jpeg")
    return key


async def test_uploads_that_browsers_never_finished_leave_nothing(
    bench: Bench, premises: Premises, later: Run, s3_server: S3Server, s3_location: S3Location
) -> None:
    """The object that was sent and the parts of a film that were not all sent are gone from the bucket."""
    cloud = premises.stores()["s3"]
    assert isinstance(cloud, S3ObjectStore)
    presigned: dict[str, Any] = {"upload_method": UploadMethod.PRESIGNED, "storage_status": StorageStatus.S3}
    sent = await bench.find(await bench.medium(MediaStatus.PENDING, **presigned))
    await put(cloud, sent.original_key)
    key = keys.staged_key("user-1", sent.id, "mp4")
    parts = await cloud.direct.begin_multipart(key, media_type="video/mp4")
    film = await bench.medium(MediaStatus.PENDING, key=key, multipart_id=parts, **presigned)
    report = await expire_uploads(premises, DAY, PlatformSettings(), later)
    assert [(await bench.find(each)).status for each in (sent.id, film)] == [MediaStatus.EXPIRED] * 2
    assert report.counts == {"uploads expired": 2, "staged objects removed": 1}
    assert await bench.stored(cloud) == set()
    left = s3_server.client().list_multipart_uploads(Bucket=s3_location.bucket)
    assert left.get("Uploads", []) == []


async def test_while_s3_is_away_other_uploads_end(bench: Bench, later: Run, s3_location: S3Location) -> None:
    """What names parts, or may have bytes there, stays as it is; the bytes of the rest are swept later."""
    away = s3_location.model_copy(update={"endpoint": f"http://127.0.0.1:{free_port()}"})
    credentials = S3Credentials("nobody", "answers to this")
    stores = S3Stores(credentials, endpoint=away.endpoint, http=S3Http(attempts=1))
    premises = replace(bench.premises, s3=stores, location=lambda: away)
    film = await bench.medium(MediaStatus.PENDING, multipart_id="parts", storage_status=StorageStatus.S3)
    waiting = await bench.medium(MediaStatus.CONFIRMED, storage_status=StorageStatus.S3)
    await bench.job(waiting, JobStatus.WAITING)
    others = [await bench.medium(MediaStatus.PENDING) for _ in range(2)]
    report = await expire_uploads(premises, DAY, PlatformSettings(), later)
    await stores.close()
    assert (report.notes, report.counts) == ([AWAY], {"uploads expired": 2})
    assert [(await bench.find(each)).status for each in others] == [MediaStatus.EXPIRED] * 2
    assert (await bench.find(film)).multipart_id == "parts"
    assert (await bench.find(waiting)).status == MediaStatus.CONFIRMED


async def test_a_confirmed_upload_in_s3_waits_for_its_turn(
    bench: Bench, premises: Premises, later: Run
) -> None:
    """Its bytes are in the bucket and its job is open."""
    cloud = premises.stores()["s3"]
    assert isinstance(cloud, S3ObjectStore)
    waiting = await bench.find(
        await bench.medium(MediaStatus.CONFIRMED, storage_status=StorageStatus.S3, age=timedelta(days=3))
    )
    await bench.job(waiting.id, JobStatus.WAITING)
    await put(cloud, waiting.original_key)
    await expire_uploads(premises, DAY, PlatformSettings(), later)
    await sweep_temporary(premises, DAY, later)
    assert (await bench.find(waiting.id)).status == MediaStatus.CONFIRMED
    assert await bench.stored(cloud) == {waiting.original_key}


async def test_abandoned_and_refused_bytes_go_from_the_bucket(
    bench: Bench, premises: Premises, later: Run
) -> None:
    """Staging without a row goes after a day, quarantine after its week; the rest of the bucket stays."""
    cloud = premises.stores()["s3"]
    assert isinstance(cloud, S3ObjectStore)
    for key in ("temp/user-1/gone.jpg", "failed/refused.quarantine", "permanent/2026/05/unlinked/a.jpg"):
        await put(cloud, key)
    await sweep_temporary(premises, DAY, later)
    assert await bench.stored(cloud) == {"failed/refused.quarantine", "permanent/2026/05/unlinked/a.jpg"}
    await clear_quarantine(premises, 7 * DAY, later)
    assert "failed/refused.quarantine" in await bench.stored(cloud)
    await clear_quarantine(premises, 7 * DAY, Run(later.now + 7 * DAY))
    assert await bench.stored(cloud) == {"permanent/2026/05/unlinked/a.jpg"}
