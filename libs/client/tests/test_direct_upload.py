"""Uploads to S3 by signed URLs: the real routes, a real S3 server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn

from mediamill_catalog.settings import PlatformSettings
from mediamill_client.api import MediamillClient
from mediamill_client.errors import ConflictError, RefusedError
from mediamill_contracts.storage import S3Location
from mediamill_database import Database
from mediamill_ingest.current_stores import CurrentStores
from mediamill_ingest.http.app import build_app
from mediamill_ingest.http.parts import HttpParts
from mediamill_runtime.identity import TokenIssuer, TokenVerifier
from mediamill_storage.inspection import DEFAULT_ACCEPTED, AcceptancePolicy
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.s3 import S3Stores
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.ports import free_port
from mediamill_testing.servers.s3 import S3Server
from mediamill_testing.waiting import eventually

SECRET = "a key for the tests that is long enough to sign with"
ROOMY = AcceptancePolicy(DEFAULT_ACCEPTED, {"image": 40_000_000, "video": 40_000_000})


@pytest.fixture
def settings(s3_location: S3Location) -> PlatformSettings:
    """Give settings with S3 enabled."""
    return PlatformSettings(s3_enabled=True, s3_bucket=s3_location.bucket, s3_endpoint=s3_location.endpoint)


@pytest.fixture
async def s3(s3_server: S3Server) -> AsyncIterator[S3Stores]:
    """Give the stores of a server that may reach S3."""
    stores = S3Stores(s3_server.credentials, endpoint=s3_server.url)
    yield stores
    await stores.close()


@pytest.fixture
async def client(
    tmp_path: Path, migrated_sqlite_url: str, s3: S3Stores, settings: PlatformSettings
) -> AsyncIterator[MediamillClient]:
    """Give a signed-in client of a running server."""
    database = Database(migrated_sqlite_url)
    store = LocalObjectStore(tmp_path / "storage", fsync=False)
    stores = CurrentStores(store, s3, lambda: settings)
    verifier = TokenVerifier(SECRET)
    parts = HttpParts(database=database, stores=stores, verifier=verifier, sessions=None, policy=ROOMY)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(build_app(parts), port=port, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    token = TokenIssuer(SECRET, lifetime_seconds=600).issue("user-1", "user")
    async with MediamillClient(f"http://127.0.0.1:{port}", token=token) as client:
        yield client
    server.should_exit = True
    await serving
    await store.close()
    await database.close()


@pytest.fixture
def photo(photo_corpus: PhotoCorpus) -> Path:
    """Return a good JPEG."""
    return photo_corpus.photo("jpeg_baseline.jpg").path


def _padded(photo: Path, target: Path, size: int) -> Path:
    """Write a picture that is larger by so many bytes, and sound."""
    content = photo.read_bytes()
    target.write_bytes(content if not size else content + bytes(size) + b"\xff\xd9")
    return target


@pytest.mark.parametrize("size", [0, 20_000_000])
async def test_a_file_reaches_s3(
    client: MediamillClient, photo: Path, tmp_path: Path, s3: S3Stores, s3_location: S3Location, size: int
) -> None:
    """A small file goes whole, a large one in parts; progress ends at the file's size."""
    file = _padded(photo, tmp_path / "cup.jpg", size)
    reports: list[tuple[int, int]] = []
    accepted = await client.upload_to_s3(
        file, entity_type="listing", alt="A cup", progress=lambda done, total: reports.append((done, total))
    )
    medium = await client.media(accepted.media_id)
    assert (medium.status, medium.alt, medium.file_name) == ("CONFIRMED", "A cup", "cup.jpg")
    assert (await client.job(accepted.job_id)).media_id == accepted.media_id
    assert reports[-1] == (file.stat().st_size, file.stat().st_size)
    (found,) = [found async for found in s3.at(s3_location).list("")]
    stored = b"".join([chunk async for chunk in s3.at(s3_location).read(found.key)])
    assert stored == file.read_bytes()


async def test_a_bad_file_gets_its_code(client: MediamillClient, tmp_path: Path) -> None:
    """What S3 took is refused at the confirmation, with the server's stable code."""
    program = tmp_path / "photo.jpg"
    program.write_bytes(b"MZ" + bytes(4096))
    with pytest.raises(RefusedError) as refused:
        await client.upload_to_s3(program)
    assert refused.value.code == "executable_content"


@pytest.mark.parametrize("settings", [PlatformSettings()])
async def test_without_s3_it_is_said(client: MediamillClient, photo: Path) -> None:
    """A server without S3 says so, and the caller can upload to it instead."""
    with pytest.raises(ConflictError) as refused:
        await client.upload_to_s3(photo)
    assert refused.value.code == "s3_not_enabled"
