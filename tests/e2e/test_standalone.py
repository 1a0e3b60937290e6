"""The first run: one process on embedded defaults that survives being killed and a lost broker."""

import asyncio
from collections.abc import Iterator
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
from mediamill_testing.waiting import eventually

PATIENT = RetryPolicy(attempts=100, first_pause=0.1, longest_pause=1.0)
UPLOADS = 100


@pytest.fixture(scope="module")
def standalone() -> Iterator[StandaloneProcess]:
    """Start a process on a fresh data folder."""
    process = StandaloneProcess()
    try:
        yield process.start()
    finally:
        process.close()


async def test_the_first_run_tells_all_that_is_needed() -> None:
    """A start without any setting prints the address, the data folder and a password that works."""
    process = StandaloneProcess(admin=False)
    try:
        process.start()
        lines = process.log()
        assert process.url in lines
        assert str(process.home) in lines
        password = lines.split("password: ")[1].split()[0]
        async with MediamillClient(process.url) as client:
            session = await client.login("admin@localhost", password)
            assert session.user.role == "superadmin"
        await asyncio.to_thread(process.stop)
        await asyncio.to_thread(process.start)
        assert process.log().count("password: ") == 1
    finally:
        process.close()


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
    standalone: StandaloneProcess, photo_corpus: PhotoCorpus
) -> None:
    """Kill -9 amid a hundred uploads, then a new start: every accepted upload becomes ready, once."""
    photos = photo_corpus.thumbnails(20)
    halfway = asyncio.Event()
    count = 0

    async def upload(client: MediamillClient, number: int, gate: asyncio.Semaphore) -> UUID:
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

    async with MediamillClient(standalone.url, retry=PATIENT) as client:
        await client.login(ADMIN_EMAIL, ADMIN_PASSWORD)
        gate = asyncio.Semaphore(6)
        job_ids, _ = await asyncio.gather(
            asyncio.gather(*(upload(client, number, gate) for number in range(UPLOADS))), kill()
        )
        jobs = await client.wait_for_all(job_ids, seconds=240)

    assert [job.error for job in jobs if not job.succeeded] == []
    assert len({job.media_id for job in jobs}) == UPLOADS
    database = Database(standalone.database_url)
    async with database.read() as session:
        ready = await session.execute(text("SELECT count(*) FROM media_event WHERE name = 'media.ready'"))
        assert ready.scalar_one() == UPLOADS
        assert (await session.execute(text("SELECT count(*) FROM media"))).scalar_one() == UPLOADS
    await database.close()


@pytest.mark.timeout(300)
async def test_uploads_become_ready_while_the_broker_is_away(
    rabbitmq: RabbitServer, photo_corpus: PhotoCorpus
) -> None:
    """With a broker URL, RabbitMQ carries the messages; while it is away, the embedded bus does."""
    photos = photo_corpus.photos(3)
    with rabbitmq.vhost() as vhost:
        process = StandaloneProcess(broker_url=rabbitmq.url_of(vhost))
        try:
            process.start()
            async with MediamillClient(process.url, retry=PATIENT) as client:
                await client.login(ADMIN_EMAIL, ADMIN_PASSWORD)

                async def goes_over_the_broker(photo: Photo) -> bool:
                    try:
                        assert (await _upload_and_wait(client, photo)).succeeded
                    except WaitTimeoutError as stuck:
                        stuck.add_note(process.log_tail(100))
                        raise
                    return await _has_carried(rabbitmq, vhost)

                await eventually(partial(goes_over_the_broker, photos[0]), timeout=90)
                await asyncio.to_thread(rabbitmq.stop)
                assert (await _upload_and_wait(client, photos[1])).succeeded

                await asyncio.to_thread(rabbitmq.start)
                await eventually(partial(goes_over_the_broker, photos[2]), timeout=90)
        finally:
            process.close()


async def _upload_and_wait(client: MediamillClient, photo: Photo) -> Job:
    accepted = await client.upload(photo.path)
    return await client.wait_for(accepted.job_id, seconds=120)


async def _has_carried(rabbitmq: RabbitServer, vhost: str) -> bool:
    """Tell whether a message was published in the virtual host since the broker started."""
    answer = await asyncio.to_thread(rabbitmq.management, "GET", f"/api/vhosts/{vhost}")
    return bool(answer.get("message_stats", {}).get("publish", 0))
