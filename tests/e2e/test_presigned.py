"""A file that a client sends to S3 itself, all the way to READY, whatever the strategy of its entity type."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from mediamill_catalog.migrate import upgrade
from mediamill_catalog.settings import save
from mediamill_client import MediamillClient
from mediamill_contracts.recipe import STRATEGY_STORES
from mediamill_contracts.storage import S3Location
from mediamill_database import Database
from mediamill_storage.s3 import S3ObjectStore
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.servers.postgres import PostgresServer
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.servers.s3 import S3Server
from mediamill_testing.system import ADMIN_EMAIL, ADMIN_PASSWORD, MediamillSystem, ServiceProcess
from mediamill_testing.waiting import eventually

PATIENCE_SECONDS = 120.0
KEPT = ("temp/", "permanent/")
CLAIMS = {"local_only": "local", "local_first": "both", "s3_only": "s3", "both": "both"}


@pytest.fixture(scope="module")
def location(s3_server: S3Server) -> Iterator[S3Location]:
    """Give a bucket of this module's own."""
    with s3_server.bucket() as location:
        yield location


@pytest.fixture(scope="module")
def system(
    rabbitmq: RabbitServer, postgres: PostgresServer, s3_server: S3Server, location: S3Location
) -> Iterator[MediamillSystem]:
    """Run the services with S3, storage-sync among them; each strategy is an entity type of the same name."""
    keys = s3_server.credentials
    s3 = {
        "S3_ENDPOINT": s3_server.url,
        "S3_BUCKET_NAME": location.bucket,
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
    }
    with rabbitmq.vhost() as vhost, postgres.database() as database_url:
        asyncio.run(_prepare(database_url, location))
        system = MediamillSystem(broker_url=rabbitmq.url_of(vhost), database_url=database_url, environment=s3)
        shared = {
            "MEDIAMILL_ENV": "test",
            "BROKER_URL": system.broker_url,
            "STORAGE_ROOT": str(system.storage),
            **s3,
        }
        storage_sync = ServiceProcess("storage-sync", shared, scratch=system.scratch)
        try:
            storage_sync.start(wait=False)
            system.start()
            storage_sync.wait_ready()
            yield system
        finally:
            storage_sync.close()
            system.close()


async def _prepare(database_url: str, location: S3Location) -> None:
    await upgrade(database_url)
    database = Database(database_url)
    changes = {
        "s3_enabled": True,
        "s3_bucket": location.bucket,
        "s3_endpoint": location.endpoint,
        "entity_types": {strategy: {"strategy": strategy} for strategy in STRATEGY_STORES},
    }
    async with database.write() as session:
        await save(session, changes, changed_by="tests")
    await database.close()


@pytest.fixture
async def client(system: MediamillSystem) -> AsyncIterator[MediamillClient]:
    """Sign a client in."""
    async with MediamillClient(system.ingest.url, events_url=system.notifier.url) as client:
        await client.login(ADMIN_EMAIL, ADMIN_PASSWORD)
        yield client


@pytest.mark.parametrize("strategy", sorted(CLAIMS))
async def test_file_sent_to_s3_becomes_ready_where_its_strategy_wants_it(
    strategy: str,
    client: MediamillClient,
    photo_corpus: PhotoCorpus,
    s3_server: S3Server,
    location: S3Location,
    system: MediamillSystem,
) -> None:
    """The record says where the bytes are, all addresses work, and nothing is left where it is not wanted."""
    accepted = await client.upload_to_s3(photo_corpus.photo("jpeg_with_gps.jpg").path, entity_type=strategy)
    job = await client.wait_for(accepted.job_id, seconds=PATIENCE_SECONDS)
    assert job.succeeded, job.error

    async def settled() -> bool:
        return (await client.media(accepted.media_id)).storage_status == CLAIMS[strategy]

    await eventually(settled, timeout=PATIENCE_SECONDS)
    medium = await client.media(accepted.media_id)
    async with httpx.AsyncClient(follow_redirects=True) as http:
        for variant in medium.variants:
            answer = await http.get(client.absolute(variant.url))
            assert (answer.status_code, len(answer.content)) == (200, variant.size_bytes)
    bucket = S3ObjectStore(location, s3_server.credentials)

    async def only_where_claimed() -> bool:
        in_s3 = [
            found.key async for found in bucket.list("") if found.key.startswith(("temp/", "permanent/"))
        ]
        locally = [key for key in system.stored_keys() if key.startswith(("temp/", "permanent/"))]
        files = len(medium.variants) + 1
        wanted = {"local": (0, files), "s3": (files, 0), "both": (files, files)}[CLAIMS[strategy]]
        return (len(in_s3), len(locally)) == wanted

    try:
        await eventually(only_where_claimed, timeout=PATIENCE_SECONDS)
        await client.delete(medium.id, hard=True)

        async def empty() -> bool:
            left = [found async for found in bucket.list("permanent/")]
            return not left and not any(key.startswith("permanent/") for key in system.stored_keys())

        await eventually(empty, timeout=PATIENCE_SECONDS)
    finally:
        await bucket.close()
