"""The real HTTP application on a real server."""

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import utc_now
from mediamill_contracts.media import MediaProcessed
from mediamill_contracts.recipe import ObjectRef, PictureFacts, ProducedVariant
from mediamill_contracts.storage import S3Location
from mediamill_database import Database
from mediamill_ingest.auth.sessions import Sessions
from mediamill_ingest.current_stores import CurrentStores
from mediamill_ingest.http.app import build_app
from mediamill_ingest.http.parts import HttpParts, UploadLimits
from mediamill_ingest.usecases.record_processed import SuccessRecords
from mediamill_runtime.identity import Role, TokenIssuer, TokenVerifier
from mediamill_runtime.service import KEEP_ALIVE_SECONDS
from mediamill_storage.inspection import AcceptancePolicy
from mediamill_storage.keys import original_key, permanent_prefix, staged_prefix, variant_key
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.s3 import S3Stores
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.servers.s3 import S3Server
from mediamill_web.body_stream import BodyPace

from .cloud import CloudApi

SECRET = "a key for the tests that is long enough to sign with"
VARIANT = bytes(range(256)) * 8
"""Stands for a picture of 2,048 bytes; serving does not look inside."""


@dataclass
class Api:
    """The server under test, and a client of it."""

    url: str
    client: httpx.AsyncClient
    parts: HttpParts
    root: Path
    photo: bytes
    app: FastAPI
    issuer: TokenIssuer = field(default_factory=lambda: TokenIssuer(SECRET, lifetime_seconds=600))

    def lose_patience(self) -> None:
        """Give slow bodies up after seconds instead of a minute."""
        pace = BodyPace(idle_seconds=1.5, grace_seconds=2.0, min_bytes_per_second=20_000)
        self.app.state.parts = self.parts = replace(self.parts, pace=pace)

    def decide(self, **settings: Any) -> None:
        """Change settings, as an operator does."""
        changed = self.parts.stores.settings().model_copy(update=settings)
        stores = replace(self.parts.stores, settings=lambda: changed)
        self.app.state.parts = self.parts = replace(self.parts, stores=stores)

    def allow(self, **limits: Any) -> None:
        """Change what one request may ask for."""
        changed = replace(self.parts.limits, **limits)
        self.app.state.parts = self.parts = replace(self.parts, limits=changed)

    @property
    def port(self) -> int:
        """Port of the server."""
        return httpx.URL(self.url).port or 0

    def as_user(self, user_id: str = "user-1", role: Role = "user") -> dict[str, str]:
        """Return the headers of a signed-in user."""
        return {"Authorization": f"Bearer {self.issuer.issue(user_id, role)}"}

    async def upload(
        self,
        *,
        content: bytes | None = None,
        name: str = "photo.jpg",
        declared: str = "image/jpeg",
        user_id: str = "user-1",
        headers: dict[str, str] | None = None,
        fields: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Upload one file, a good picture unless told otherwise."""
        file = (name, self.photo if content is None else content, declared)
        return await self.client.post(
            "/api/media",
            files={"file": file},
            data=fields or {},
            headers=self.as_user(user_id) | (headers or {}),
        )

    def stored_files(self) -> list[str]:
        """Return the paths of all files under the storage root, those in the making included."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())

    async def open_jobs(self) -> int:
        """Return how many jobs an admin sees waiting."""
        answer = await self.client.get("/api/queue/stats", headers=self.as_user("admin", "admin"))
        waiting: int = answer.json()["statuses"]["waiting"]
        return waiting

    async def upload_ready(self, user_id: str = "user-1", *, name: str = "my cup.jpg") -> str:
        """Upload a picture, let a worker be done with it, and return the medium's id."""
        body = (await self.upload(user_id=user_id, name=name)).json()
        await self.finish(body["mediaId"], body["jobId"], user_id)
        media_id: str = body["mediaId"]
        return media_id

    async def finish(self, media_id: str, job_id: str, user_id: str = "user-1") -> None:
        """Record the result that a worker would send, with its objects in place."""
        prefix = permanent_prefix(UUID(media_id), "0" * 64, utc_now())
        staged = next(path for path in self.stored_files() if path.startswith(staged_prefix(user_id)))
        await self.parts.store.move(staged, original_key(prefix, "image/jpeg"))
        await self.parts.store.put_stream(
            variant_key(prefix, "thumb", "image/webp"), _chunks(VARIANT), media_type="image/webp"
        )
        source = _ref(original_key(prefix, "image/jpeg"), self.photo, "image/jpeg")
        thumb = _ref(variant_key(prefix, "thumb", "image/webp"), VARIANT, "image/webp")
        result = MediaProcessed(
            media_id=UUID(media_id),
            job_id=UUID(job_id),
            user_id=user_id,
            source=source,
            facts=PictureFacts(width=40, height=30, thumbhash="AAAA", dominant_color="#102030"),
            variants=(ProducedVariant(name="thumb", object=thumb, width=40, height=30),),
            duration_ms=120,
        )
        await SuccessRecords(self.parts.database, self.parts.stores).record_processed(result)

    async def raw(self, request: bytes, *, end: bool = False) -> tuple[int, dict[str, object]]:
        """Send bytes as they are and return status and JSON body of what comes back.

        `end` closes the sending side after the request.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            if end:
                writer.write_eof()
            return await read_answer(reader)
        finally:
            writer.close()

    def head(self, *, length: int, boundary: str = "frontier", path: str = "/api/media") -> bytes:
        """Return the head of a raw multipart request."""
        lines = (
            f"POST {path} HTTP/1.1",
            "Host: test",
            f"Authorization: {self.as_user()['Authorization']}",
            f"Content-Type: multipart/form-data; boundary={boundary}",
            f"Content-Length: {length}",
        )
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, object]]:
    """Read one HTTP answer with a JSON body."""
    async with asyncio.timeout(60):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.lower().splitlines() if line.startswith("content-length")
        )
        return int(head.split()[1]), json.loads(await reader.readexactly(length))


def file_part(content: bytes, *, field_name: str = "file", boundary: bytes = b"frontier") -> bytes:
    """Return a part with a file, its delimiter before it, none after it."""
    disposition = f'Content-Disposition: form-data; name="{field_name}"; filename="photo.jpg"'.encode()
    return b"--" + boundary + b"\r\n" + disposition + b"\r\nContent-Type: image/jpeg\r\n\r\n" + content


def _ref(key: str, content: bytes, media_type: str) -> ObjectRef:
    digest = hashlib.sha256(content).hexdigest()
    return ObjectRef(key=key, size_bytes=len(content), sha256=digest, media_type=media_type)


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


ON_BOTH_DATABASES = pytest.mark.parametrize(
    "database", ["sqlite", "postgres"], ids=["sqlite", "postgresql"], indirect=True
)
"""For what depends on how a database locks."""


@pytest.fixture
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """Give a migrated database: SQLite, unless a test asks for another.

    The use cases below the routes are tested on both.
    """
    url = request.getfixturevalue(f"migrated_{getattr(request, 'param', 'sqlite')}_url")
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
def limits() -> UploadLimits:
    """Limits of the server under test; a module may replace them."""
    return UploadLimits(max_bulk_files=10, max_wait_seconds=5.0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalObjectStore]:
    """Give the folder that uploads are staged in."""
    store = LocalObjectStore(tmp_path / "storage", fsync=False)
    yield store
    await store.close()


@pytest.fixture
async def api(
    database: Database,
    store: LocalObjectStore,
    tmp_path: Path,
    photo_corpus: PhotoCorpus,
    limits: UploadLimits,
) -> AsyncIterator[Api]:
    """Give a running server that takes uploads; nothing processes them."""
    parts = parts_with(database, CurrentStores(store), limits=limits)
    photo = photo_corpus.photo("jpeg_baseline.jpg").path.read_bytes()
    async with serving(parts, tmp_path / "storage", photo) as api:
        yield api


@pytest.fixture
async def s3_stores(s3_server: S3Server) -> AsyncIterator[S3Stores]:
    """Give the stores of a process that may reach the S3 server."""
    stores = S3Stores(s3_server.credentials, endpoint=s3_server.url)
    yield stores
    await stores.close()


@pytest.fixture
def policy() -> AcceptancePolicy:
    """Rules of the server with S3; a module may replace them."""
    return AcceptancePolicy()


@pytest.fixture
async def cloud(
    database: Database,
    store: LocalObjectStore,
    s3_stores: S3Stores,
    s3_settings: PlatformSettings,
    s3_location: S3Location,
    tmp_path: Path,
    photo_corpus: PhotoCorpus,
    policy: AcceptancePolicy,
) -> AsyncIterator[CloudApi]:
    """Give a running server whose S3 is enabled."""
    stores = CurrentStores(store, s3_stores, lambda: s3_settings)
    parts = parts_with(database, stores, policy=policy)
    photo = photo_corpus.photo("jpeg_baseline.jpg").path.read_bytes()
    async with serving(parts, tmp_path / "storage", photo) as api:
        cloud = CloudApi(api, s3_stores.at(s3_location))
        yield cloud
        await cloud.outside.aclose()


def parts_with(database: Database, stores: CurrentStores, **more: Any) -> HttpParts:
    """Return what a server with the default rules works with."""
    return HttpParts(
        database=database,
        stores=stores,
        verifier=TokenVerifier(SECRET),
        sessions=Sessions(database, TokenIssuer(SECRET, lifetime_seconds=600)),
        policy=more.pop("policy", AcceptancePolicy()),
        **more,
    )


@asynccontextmanager
async def serving(parts: HttpParts, root: Path, photo: bytes) -> AsyncIterator[Api]:
    """Run the application on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = _application(parts)
        config = uvicorn.Config(
            app,
            http="httptools",
            lifespan="off",
            log_level="critical",
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, timeout=60, verify=False) as client:
            yield Api(url, client, parts, root, photo, app)
        server.should_exit = True
        await running
    _IDLE_APPS[parts.show_details].append(app)


_IDLE_APPS: dict[bool, list[FastAPI]] = {True: [], False: []}


def _application(parts: HttpParts) -> FastAPI:
    """Return the application: its parts say what it does, and making one takes longer than most tests."""
    idle = _IDLE_APPS[parts.show_details]
    app = idle.pop() if idle else build_app(parts)
    app.state.parts = parts
    return app
