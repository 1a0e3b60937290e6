"""The client against the services themselves, each a process of its own, over RabbitMQ and PostgreSQL."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from mediamill_client.api import MediamillClient
from mediamill_client.errors import ConflictError, NotAuthenticatedError, NotFoundError, RefusedError
from mediamill_client.gateway import GatewayPublisher, GatewayUpload
from mediamill_client.models import Job
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.system import ADMIN_EMAIL, ADMIN_PASSWORD, MediamillSystem
from mediamill_testing.waiting import eventually

from .command import Command

CROWD = 24
FOLDER = 120
"""Files: three requests."""


@pytest.fixture
async def client(system: MediamillSystem) -> AsyncIterator[MediamillClient]:
    """Give a client that is signed in."""
    async with MediamillClient(system.ingest.url, events_url=system.notifier.url) as client:
        await client.login(ADMIN_EMAIL, ADMIN_PASSWORD)
        yield client


@pytest.fixture
def photo(photo_corpus: PhotoCorpus) -> Path:
    """Return a good picture."""
    return photo_corpus.photos(1)[0].path


async def test_upload_becomes_ready(client: MediamillClient, photo: Path) -> None:
    """Waiting ends with the finished medium, as the detail and the timeline show it too."""
    accepted = await client.upload(photo, entity_type="listing", alt="A house", title="Home")
    job = await client.wait_for(accepted.job_id, seconds=60)
    media = await client.media(accepted.media_id)
    assert job.succeeded
    assert job.result == media
    assert (media.status, media.alt, media.title, media.file_name) == ("READY", "A house", "Home", photo.name)
    assert {variant.url for variant in media.variants} == set(media.urls.values())
    names = [entry.name for entry in await client.timeline(accepted.media_id)]
    assert names[0] == "media.uploaded"
    assert names[-1] == "media.ready"


async def test_watching_live_ends_with_the_finished_job(client: MediamillClient, photo: Path) -> None:
    """With the notifier's hints each of several jobs is followed to its end."""
    accepted = [await client.upload(photo) for _ in range(3)]
    last: dict[UUID, Job] = {}
    async for job in client.watch([upload.job_id for upload in accepted]):
        last[job.job_id] = job
    assert {upload.job_id for upload in accepted} == last.keys()
    assert [(job.status, job.error) for job in last.values()] == [("completed", None)] * 3
    assert None not in [job.result for job in last.values()]


async def test_same_key_is_the_same_upload(client: MediamillClient, photo: Path, tmp_path: Path) -> None:
    """Repeating a call with its key makes nothing new; the key with another file is refused."""
    first = await client.upload(photo, idempotency_key="holiday-1")
    again = await client.upload(photo, idempotency_key="holiday-1")
    assert first == again
    other = tmp_path / "other.gif"
    other.write_bytes(
        b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\0\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
    )
    with pytest.raises(ConflictError):
        await client.upload(other, idempotency_key="holiday-1")


async def test_bad_file_is_refused_with_its_code(client: MediamillClient, tmp_path: Path) -> None:
    """A program under a picture's name gets the server's stable code."""
    program = tmp_path / "photo.jpg"
    program.write_bytes(b"MZ" + bytes(4096))
    with pytest.raises(RefusedError) as refused:
        await client.upload(program)
    assert refused.value.code in {"executable_content", "unsupported_type"}


async def test_bulk_names_each_file(client: MediamillClient, photo: Path, tmp_path: Path) -> None:
    """Good files are accepted though a bad one is among them."""
    empty = tmp_path / "empty.jpg"
    empty.touch()
    answer = await client.upload_bulk([photo, empty, photo], entity_type="listing")
    assert [job.filename for job in answer.jobs] == [photo.name, photo.name]
    assert [(file.filename, file.index, file.code) for file in answer.rejected] == [
        ("empty.jpg", 1, "empty_file")
    ]
    for job in answer.jobs:
        assert (await client.wait_for(job.job_id, seconds=60)).succeeded


async def test_an_interactive_upload_overtakes_a_bulk(
    client: MediamillClient, system: MediamillSystem, photo: Path
) -> None:
    """Whatever waits in bulk, it is ready after no more jobs than can run at once."""
    system.processor.stop()
    try:
        crowd = await client.upload_bulk([photo] * CROWD)
        by_hand = await client.upload(photo)
    finally:
        await asyncio.to_thread(system.processor.start)
    ready = [(await client.wait_for(job.job_id, seconds=60)).result for job in (by_hand, *crowd.jobs)]
    moments = [media.ready_at for media in ready if media is not None and media.ready_at is not None]
    assert len(moments) == CROWD + 1
    assert sum(moment < moments[0] for moment in moments) <= CROWD / 4


async def test_a_folder_survives_kills(
    client: MediamillClient, system: MediamillSystem, command: Command, tmp_path: Path
) -> None:
    """Killed in the middle and run again, each of its pictures is there once, and ready."""
    folder, state = tmp_path / "folder", tmp_path / "state.jsonl"
    folder.mkdir()
    for number in range(FOLDER):
        (folder / f"{number:03}.gif").write_bytes(_pixel(number))
    environment = {"MEDIAMILL_EMAIL": ADMIN_EMAIL, "MEDIAMILL_PASSWORD": ADMIN_PASSWORD}
    command = replace(command, environment={"MEDIAMILL_URL": system.ingest.url, **environment})
    arguments = ("upload", "--entity-id", "killed", "--state", str(state), "--parallel", "1", str(folder))
    for sign in (b'"sending"', b'"answered"'):
        process = await command.start(*arguments)
        await eventually(partial(_says, state, sign))
        process.kill()
        await process.communicate()
        assert process.returncode == -signal.SIGKILL
    ended = await command.run(*arguments, "--wait")
    assert ended.code == 0, ended.err
    assert f"{FOLDER} ready, 0 refused, 0 not sent" in ended.out
    page = await client.list_media(entity_id="killed", limit=200)
    names = sorted(media.file_name for media in page.items)
    assert names == [f"{number:03}.gif" for number in range(FOLDER)]
    assert {media.status for media in page.items} == {"READY"}


async def test_deleted_media_leave_the_list_and_return(client: MediamillClient, photo: Path) -> None:
    """Deleting hides, restoring brings back."""
    accepted = await client.upload(photo, entity_type="album", entity_id="a1")
    await client.wait_for(accepted.job_id, seconds=60)
    deleted = await client.delete(accepted.media_id)
    hidden = await client.list_media(entity_type="album", entity_id="a1")
    await client.restore(accepted.media_id)
    back = await client.list_media(entity_type="album", entity_id="a1")
    assert deleted is not None
    assert deleted.deleted_at is not None
    assert hidden.items == ()
    assert [media.id for media in back.items] == [accepted.media_id]


async def test_lists_come_in_pages(client: MediamillClient, photo: Path) -> None:
    """The cursor leads to the rest, without overlap."""
    uploads = [await client.upload(photo, entity_type="album", entity_id="a2") for _ in range(3)]
    first = await client.list_media(entity_id="a2", limit=2)
    second = await client.list_media(entity_id="a2", limit=2, cursor=first.next_cursor)
    found = [media.id for media in (*first.items, *second.items)]
    assert sorted(found) == sorted(upload.media_id for upload in uploads)
    assert second.next_cursor is None


async def test_jobs_of_the_user_are_listed(client: MediamillClient, photo: Path) -> None:
    """What was just uploaded is the newest job of who uploaded it."""
    accepted = await client.upload(photo)
    jobs = await client.jobs_of_user((await client.me()).id)
    assert jobs.items[0].job_id == accepted.job_id


async def test_wrong_password_and_strange_ids_are_typed(client: MediamillClient) -> None:
    """The common refusals are exceptions of their own."""
    with pytest.raises(NotAuthenticatedError):
        await client.login(ADMIN_EMAIL, "not the password")
    with pytest.raises(NotFoundError):
        await client.job(UUID(int=1))


async def test_bad_file_of_a_gateway_fails_with_a_reason(
    client: MediamillClient, system: MediamillSystem, tmp_path: Path
) -> None:
    """Admission's verdict on a gateway's file reaches the user like any other."""
    page = tmp_path / "photo.jpg"
    page.write_text("<html><script>alert(1)</script></html>")
    upload = GatewayUpload(user_id=(await client.me()).id, file_name=page.name)
    async with GatewayPublisher(system.broker_url_of("gateway"), system.storage) as gateway:
        await gateway.submit(upload, page)

    async def failed() -> Job | None:
        try:
            job = await client.job(upload.job_id)
        except NotFoundError:
            return None
        return job if job.finished else None

    job = await eventually(failed)
    assert job is not None
    assert job.error is not None
    assert job.error.code == "active_content"


def _says(log: Path, sign: bytes) -> bool:
    return log.exists() and sign in log.read_bytes()


def _pixel(number: int) -> bytes:
    """Return a GIF of one pixel in a colour of its own."""
    colour = bytes((number, 255 - number, 128))
    head = b"GIF89a\1\0\1\0\x80\0\0" + colour + b"\xff\xff\xff"
    return head + b"!\xf9\4\0\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
