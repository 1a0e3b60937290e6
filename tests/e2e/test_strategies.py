"""Each storage strategy with separate processes and real S3: records are true, and addresses work.

So do those of attachments, which move to the folder of their message and go when it is deleted.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import httpx
import pytest
from sqlalchemy import text

from mediamill_catalog import audit
from mediamill_catalog.settings import save
from mediamill_catalog.stored_media import load_stored_media
from mediamill_client import Media, MediamillClient
from mediamill_contracts.recipe import STRATEGY_STORES
from mediamill_contracts.storage import S3Location
from mediamill_database import Database
from mediamill_runtime.identity import TokenIssuer
from mediamill_storage.s3.store import S3ObjectStore
from mediamill_testing.javascript_client import javascript_client
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.servers.postgres import MIGRATED, PostgresServer
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.servers.s3 import S3Server
from mediamill_testing.system import ADMIN_EMAIL, ADMIN_PASSWORD, MediamillSystem
from mediamill_testing.waiting import eventually

PATIENCE_SECONDS = 120.0
KEPT = ("temp/", "permanent/")
CLAIMS = {"local_only": "local", "local_first": "both", "s3_only": "s3", "both": "both"}
"""What the record says in the end, by strategy."""


@pytest.fixture(scope="module")
def location(s3_server: S3Server) -> Iterator[S3Location]:
    """Give a bucket of this module's own."""
    with s3_server.bucket() as location:
        yield location


@pytest.fixture(scope="module")
def system(
    rabbitmq: RabbitServer, migrated_postgres: PostgresServer, s3_server: S3Server, location: S3Location
) -> Iterator[MediamillSystem]:
    """Run the services, storage-sync among them; each strategy is an entity type's of the same name."""
    keys = s3_server.credentials
    s3 = {
        "S3_ENDPOINT": s3_server.url,
        "S3_BUCKET_NAME": location.bucket,
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "INGEST_OLD_KEY_SECONDS": "1",
    }
    with rabbitmq.vhost() as vhost, migrated_postgres.database(MIGRATED) as database_url:
        asyncio.run(_prepare(database_url, location))
        system = MediamillSystem(broker_url=rabbitmq.url_of(vhost), database_url=database_url, environment=s3)
        try:
            system.storage_sync.start(wait=False)
            system.start()
            system.storage_sync.wait_ready()
            yield system
        finally:
            system.close()


async def _prepare(database_url: str, location: S3Location) -> None:
    database = Database(database_url)
    strategies = {strategy: {"strategy": strategy} for strategy in STRATEGY_STORES}
    changes = {
        "s3_enabled": True,
        "s3_bucket": location.bucket,
        "s3_endpoint": location.endpoint,
        "entity_types": strategies,
    }
    async with database.write() as session:
        await save(session, changes, changed_by="tests")
    await database.close()


@pytest.fixture
async def database(system: MediamillSystem) -> AsyncIterator[Database]:
    """Open the system's database."""
    database = Database(system.database_url)
    yield database
    await database.close()


@pytest.fixture
async def client(system: MediamillSystem) -> AsyncIterator[MediamillClient]:
    """Sign a client in."""
    async with MediamillClient(system.ingest.url, events_url=system.notifier.url) as client:
        await client.login(ADMIN_EMAIL, ADMIN_PASSWORD)
        yield client


@pytest.fixture
async def bucket(s3_server: S3Server, location: S3Location) -> AsyncIterator[S3ObjectStore]:
    """Look into the bucket."""
    bucket = S3ObjectStore(location, s3_server.credentials)
    yield bucket
    await bucket.close()


async def _upload(client: MediamillClient, photo_corpus: PhotoCorpus, entity_type: str) -> Media:
    photo = photo_corpus.photo("jpeg_with_gps.jpg")
    accepted = await client.upload(photo.path, entity_type=entity_type)
    job = await client.wait_for(accepted.job_id, seconds=PATIENCE_SECONDS)
    assert job.succeeded, job.error
    return await client.media(accepted.media_id)


async def _keys(database: Database, media: Media) -> set[str]:
    async with database.read() as session:
        stored = await load_stored_media(session, [media.id])
    return {each.key for each in stored[media.id].objects("local")}


async def _fetch_all(client: MediamillClient, media: Media) -> None:
    async with httpx.AsyncClient(follow_redirects=True) as http:
        for variant in media.variants:
            answer = await http.get(client.absolute(variant.url))
            assert (answer.status_code, answer.headers["content-type"]) == (200, variant.media_type)
            assert len(answer.content) == variant.size_bytes


@pytest.mark.parametrize("strategy", sorted(CLAIMS))
async def test_file_sent_to_s3_becomes_ready_where_its_strategy_wants_it(
    strategy: str,
    client: MediamillClient,
    photo_corpus: PhotoCorpus,
    bucket: S3ObjectStore,
    system: MediamillSystem,
) -> None:
    """The record says where the bytes are, all addresses work, and nothing is left where it is not wanted.

    Removed for good, it leaves nothing anywhere.
    """
    before_in_s3, before_locally = await _kept(bucket, system)
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

    async def only_where_claimed() -> bool:
        in_s3, locally = await _kept(bucket, system)
        files = len(medium.variants) + 1
        wanted = {"local": (0, files), "s3": (files, 0), "both": (files, files)}[CLAIMS[strategy]]
        return (len(in_s3 - before_in_s3), len(locally - before_locally)) == wanted

    await eventually(only_where_claimed, timeout=PATIENCE_SECONDS)
    await client.delete(medium.id, hard=True)

    async def as_before() -> bool:
        return await _kept(bucket, system) == (before_in_s3, before_locally)

    await eventually(as_before, timeout=PATIENCE_SECONDS)


async def _kept(bucket: S3ObjectStore, system: MediamillSystem) -> tuple[set[str], set[str]]:
    """Return what is kept in S3 and locally, staged or for good."""
    in_s3 = {found.key async for found in bucket.list("") if found.key.startswith(KEPT)}
    return in_s3, {key for key in system.stored_keys() if key.startswith(KEPT)}


@pytest.mark.parametrize(
    ("strategy", "status"),
    [("local_only", "local"), ("local_first", "both"), ("s3_only", "s3"), ("both", "both")],
)
async def test_objects_are_where_the_record_says(
    system: MediamillSystem,
    client: MediamillClient,
    database: Database,
    bucket: S3ObjectStore,
    photo_corpus: PhotoCorpus,
    strategy: str,
    status: str,
) -> None:
    """In the end all objects are exactly where their strategy wants them, and they load all the time."""
    media = await _upload(client, photo_corpus, strategy)
    await _fetch_all(client, media)
    keys = await _keys(database, media)
    assert len(keys) == 4

    async def settled() -> bool:
        now = await client.media(media.id)
        in_s3 = {key for key in keys if await bucket.stat(key) is not None}
        places = {"local": keys & system.stored_keys(), "s3": in_s3}
        claimed = ("local", "s3") if now.storage_status == "both" else (now.storage_status,)
        assert all(places[store] == keys for store in claimed), "a claim that is not true"
        rest = set().union(*(found for store, found in places.items() if store not in claimed))
        return now.storage_status == status and not rest

    await eventually(settled, timeout=PATIENCE_SECONDS)
    await _fetch_all(client, await client.media(media.id))


async def test_a_hard_deletion_while_processing_leaves_nothing(
    system: MediamillSystem,
    client: MediamillClient,
    database: Database,
    bucket: S3ObjectStore,
    photo_corpus: PhotoCorpus,
) -> None:
    """It is hidden at once, and when the work has ended, no object, no row and no job is left."""
    photo = photo_corpus.photo("huge_100_megapixels.png")
    accepted = await client.upload(photo.path, entity_type="both")
    token = (await client.login(ADMIN_EMAIL, ADMIN_PASSWORD)).access_token
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http:
        path = client.absolute(f"/api/media/{accepted.media_id}")
        assert (await http.delete(f"{path}?force=hard")).status_code == 202
        assert (await http.get(path)).status_code == 404

        async def gone() -> bool:
            async with database.read() as session:
                return bool(await audit.tombstones(session, [accepted.media_id]))

        await eventually(gone, timeout=PATIENCE_SECONDS)
        assert (await http.get(client.absolute(f"/api/media/jobs/{accepted.job_id}"))).status_code == 404
        async with database.read() as session:
            stone = (await audit.tombstones(session, [accepted.media_id]))[accepted.media_id]
    assert stone.detail["keys"]
    for key in stone.detail["keys"]:
        assert key not in system.stored_keys()
        assert await bucket.stat(key) is None


async def test_s3_away_while_processing_delays_only_the_copy(
    client: MediamillClient, s3_server: S3Server, photo_corpus: PhotoCorpus
) -> None:
    """The medium is READY from local storage, and in both stores once S3 is back."""
    s3_server.stop()
    try:
        media = await _upload(client, photo_corpus, "both")
        assert media.storage_status == "local"
        await _fetch_all(client, media)
    finally:
        s3_server.start()

    async def in_both() -> bool:
        return (await client.media(media.id)).storage_status == "both"

    await eventually(in_both, timeout=PATIENCE_SECONDS)


async def test_attachments_live_and_go_with_their_message(
    system: MediamillSystem, database: Database, bucket: S3ObjectStore, photo_corpus: PhotoCorpus
) -> None:
    """Only members hear of each step; media move in both stores though the worker is killed amid it.

    Their addresses work all the time. Deleted with the message, they are in nobody's way, then in no store.
    """
    secret = TokenIssuer(system.control_environment["JWT_SECRET"], lifetime_seconds=600)
    tokens = {name: secret.issue(name, "user") for name in ("ann", "bob", "eve")}
    before = await _kept(bucket, system)
    async with AsyncExitStack() as stack:
        ann, bob = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=system.ingest.url, headers={"Authorization": f"Bearer {tokens[name]}"}
                )
            )
            for name in ("ann", "bob")
        ]
        phone, strange = [
            await stack.enter_async_context(javascript_client(system.notifier.url, tokens[name]))
            for name in ("bob", "eve")
        ]
        await asyncio.gather(phone.wait_for("connect"), strange.wait_for("connect"))
        ids = await _uploads_of(tokens["ann"], system, photo_corpus)
        conversation = (await ann.post("/api/conversations", json={"memberIds": ["bob"]})).json()["id"]
        body = {"conversationId": conversation, "attachmentIds": ids}
        message = (await ann.post("/api/messages", json=body)).json()
        assert message["status"] == "PENDING"
        folder = f"/{message['id']}/"
        await eventually(lambda: any(folder in key for key in system.stored_keys()))
        system.storage_sync.kill()
        urls = [url for each in message["attachments"] for url in each["urls"].values()]
        await asyncio.to_thread(system.storage_sync.start)

        answers: set[int] = set()

        async def have_moved() -> bool:
            answers.update([(await bob.get(url)).status_code for url in urls])
            in_s3, locally = (
                found - known for found, known in zip(await _kept(bucket, system), before, strict=True)
            )
            return in_s3 == locally and all(folder in key for key in in_s3)

        await eventually(have_moved, timeout=PATIENCE_SECONDS)
        assert answers == {200}
        for step, status in (("delivered", "DELIVERED"), ("seen", "SEEN")):
            answer = await bob.post(f"/api/messages/{message['id']}/{step}")
            assert answer.json()["status"] == status
        assert (await ann.delete(f"/api/messages/{message['id']}")).status_code == 200
        told = await phone.wait_for("message:status", count=4)
        news = [(report["payload"]["status"], report["payload"]["deleted"]) for report in told]
        assert news == [("SENT", False), ("DELIVERED", False), ("SEEN", False), ("SEEN", True)]
        (new,) = await phone.wait_for("message:new")
        assert (new["payload"]["messageId"], new["payload"]["attachmentIds"]) == (message["id"], ids)
        assert strange.events == []
        assert {(await bob.get(url)).status_code for url in urls} == {404}
    async with database.write() as session:
        long_ago = text("UPDATE media SET deleted_at = now() - interval '90 days' WHERE user_id = 'ann'")
        await session.execute(long_ago)
    await asyncio.to_thread(system.clean_up, "empty-trash")

    async def as_before() -> bool:
        return await _kept(bucket, system) == before

    await eventually(as_before, timeout=PATIENCE_SECONDS)


async def _uploads_of(token: str, system: MediamillSystem, photo_corpus: PhotoCorpus) -> list[str]:
    """Upload three pictures to both stores and return their ids."""
    async with MediamillClient(system.ingest.url, token=token) as client:
        photos = photo_corpus.thumbnails(3)
        jobs = await asyncio.gather(*(client.upload(photo, entity_type="both") for photo in photos))
        for job in jobs:
            assert (await client.wait_for(job.job_id, seconds=PATIENCE_SECONDS)).succeeded
    return [str(job.media_id) for job in jobs]
