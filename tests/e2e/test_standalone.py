"""The first run: one process on embedded defaults that survives being killed and a lost broker."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from functools import partial
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from mediamill_client import Job, MediamillClient
from mediamill_client.errors import WaitTimeoutError
from mediamill_client.retry import RetryPolicy
from mediamill_database import Database
from mediamill_testing.photos import Photo, PhotoCorpus
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.system import ADMIN_EMAIL, ADMIN_PASSWORD, StandaloneProcess
from mediamill_testing.tcp_proxy import TcpProxy
from mediamill_testing.waiting import eventually

PATIENT = RetryPolicy(attempts=100, first_pause=0.1, longest_pause=1.0)
UPLOADS = 100
SETTINGS = "/api/admin/media/settings"
TINY = {"name": "tiny", "width": 48, "height": 48}


@pytest.fixture(scope="module")
def standalone() -> Iterator[StandaloneProcess]:
    """Start a process on a fresh data folder, without any setting."""
    with closing(StandaloneProcess(admin=False)) as process:
        yield process.start()


@pytest.fixture
def password(standalone: StandaloneProcess) -> str:
    """Return the password that the first start printed."""
    return standalone.log().split("password: ")[1].split()[0]


@pytest.fixture
async def client(standalone: StandaloneProcess, password: str) -> AsyncIterator[MediamillClient]:
    """Sign a client in with it."""
    async with MediamillClient(standalone.url, retry=PATIENT) as client:
        await client.login("admin@localhost", password)
        yield client


async def test_the_first_run_tells_all_that_is_needed(
    standalone: StandaloneProcess, client: MediamillClient
) -> None:
    """A start without any setting prints the address, the data folder and a password that works."""
    assert standalone.url in standalone.log()
    assert str(standalone.home) in standalone.log()
    assert (await client.me()).role == "superadmin"


async def test_the_page_is_served(standalone: StandaloneProcess) -> None:
    """The address shows a page that runs only its own scripts, and every file it names is there."""
    async with httpx.AsyncClient(base_url=standalone.url) as http:
        page = await http.get("/")
        assert page.status_code == 200
        assert "script-src 'self'" in page.headers["content-security-policy"]
        names = [part.split('"')[0] for part in page.text.split('src="')[1:]]
        assert names
        for name in names:
            assert (await http.get(name)).status_code == 200, name


@pytest.mark.timeout(300)
async def test_a_kill_in_the_middle_loses_nothing(
    standalone: StandaloneProcess, client: MediamillClient, photo_corpus: PhotoCorpus
) -> None:
    """Kill -9 amid a hundred uploads, then a new start: every accepted upload becomes ready, once."""
    photos = photo_corpus.thumbnails(8)
    halfway = asyncio.Event()
    gate = asyncio.Semaphore(6)
    count = 0

    async def upload(number: int) -> UUID:
        nonlocal count
        async with gate:
            accepted = await client.upload(photos[number % len(photos)])
            count += 1
            if count == UPLOADS // 2:
                halfway.set()
        return accepted.job_id

    async def kill() -> None:
        await halfway.wait()
        await asyncio.to_thread(standalone.kill)
        await asyncio.to_thread(standalone.start)

    job_ids, _ = await asyncio.gather(asyncio.gather(*map(upload, range(UPLOADS))), kill())
    jobs = await client.wait_for_all(job_ids, seconds=240)

    assert [job.error for job in jobs if not job.succeeded] == []
    assert len({job.media_id for job in jobs}) == UPLOADS
    database = Database(standalone.database_url)
    async with database.read() as session:
        ready = await session.execute(text("SELECT count(*) FROM media_event WHERE name = 'media.ready'"))
        assert ready.scalar_one() == UPLOADS
        assert (await session.execute(text("SELECT count(*) FROM media"))).scalar_one() == UPLOADS
    await database.close()
    assert standalone.log().count("password: ") == 1


async def test_new_variants_without_a_restart(
    standalone: StandaloneProcess, client: MediamillClient, password: str, photo_corpus: PhotoCorpus
) -> None:
    """A superadmin changes what is derived; soon uploads have it, and the description names the call."""
    photo = photo_corpus.thumbnails(1)[0]
    async with httpx.AsyncClient(base_url=standalone.url) as http:
        session = await client.login("admin@localhost", password)
        http.headers["Authorization"] = f"Bearer {session.access_token}"
        changed = await http.put(SETTINGS, json={"entityTypes": {"general": {"variants": [TINY]}}})
        assert changed.status_code == 200, changed.text

        async def derives_tiny() -> bool:
            accepted = await client.upload(photo)
            job = await client.wait_for(accepted.job_id, seconds=60)
            return job.result is not None and set(job.result.urls) == {"tiny"}

        await eventually(derives_tiny)
        history = (await http.get(f"{SETTINGS}/history")).json()
        assert [item["setting"] for item in history["items"]] == ["entityTypes.general"]
        refused = await http.post("/api/admin/media/sync", json={"operation": "upload_to_s3", "filter": {}})
        assert (refused.status_code, refused.json()["code"]) == (409, "s3_disabled")
        paths = (await http.get("/openapi.json")).json()["paths"]
        assert {"/api/media", SETTINGS, "/api/admin/media/sync"} <= set(paths)


@pytest.mark.timeout(300)
async def test_uploads_become_ready_while_the_broker_is_away(
    rabbitmq: RabbitServer, photo_corpus: PhotoCorpus
) -> None:
    """With a broker URL, RabbitMQ carries the messages; while it is away, the embedded bus does."""
    photos = photo_corpus.photos(3)
    with rabbitmq.vhost() as vhost, TcpProxy(rabbitmq.url_of(vhost)) as proxy:
        process = StandaloneProcess(broker_url=proxy.url)
        try:
            process.start()
            async with MediamillClient(process.url, retry=PATIENT) as client:
                await client.login(ADMIN_EMAIL, ADMIN_PASSWORD)

                async def goes_over_the_broker(photo: Photo) -> bool:
                    before = await _carried(rabbitmq, vhost)
                    try:
                        assert (await _upload_and_wait(client, photo)).succeeded
                    except WaitTimeoutError as stuck:
                        stuck.add_note(process.log_tail(100))
                        raise
                    return await _carried(rabbitmq, vhost) > before

                await eventually(partial(goes_over_the_broker, photos[0]), timeout=90)
                proxy.go_away()
                assert (await _upload_and_wait(client, photos[1])).succeeded

                proxy.come_back()
                await eventually(partial(goes_over_the_broker, photos[2]), timeout=90)
        finally:
            process.close()


async def _upload_and_wait(client: MediamillClient, photo: Photo) -> Job:
    accepted = await client.upload(photo.path)
    return await client.wait_for(accepted.job_id, seconds=120)


async def _carried(rabbitmq: RabbitServer, vhost: str) -> int:
    """Return how many messages were published in the virtual host, as the broker last counted."""
    answer = await asyncio.to_thread(rabbitmq.management, "GET", f"/api/vhosts/{vhost}")
    return int(answer.get("message_stats", {}).get("publish", 0))
