"""A gateway's upload is staged whole, announced durably, and can be repeated without harm."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage

from mediamill_client.gateway import GatewayPublisher, GatewayUpload, NotConfirmedError
from mediamill_contracts.media import MediaUploaded
from mediamill_contracts.topology import INGEST_ADMISSION
from mediamill_testing.ports import free_port

CONTENT = os.urandom(3_000_000)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Return a file of 3 MB."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(CONTENT)
    return path


async def announced(url: str, count: int) -> list[AbstractIncomingMessage]:
    """Take `count` messages from admission's queue."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(INGEST_ADMISSION.name)
        messages: list[AbstractIncomingMessage] = []
        async with asyncio.timeout(60), queue.iterator(no_ack=True) as incoming:
            async for message in incoming:
                messages.append(message)
                if len(messages) == count:
                    break
        return messages


def files_below(root: Path) -> dict[str, bytes]:
    """Return all files, by their path below `root`."""
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


async def test_submitted_file_is_staged_and_announced(
    rabbitmq_vhost_url: str, tmp_path: Path, photo: Path
) -> None:
    """Admission finds one message, under one id, that says where the very bytes are."""
    root = tmp_path / "storage"
    upload = GatewayUpload(user_id="u1", file_name="Holiday.JPG", entity_type="listing", entity_id="42")
    async with GatewayPublisher(rabbitmq_vhost_url, root, service="mail-gateway") as gateway:
        returned = await gateway.submit(upload, photo)
    (message,) = await announced(rabbitmq_vhost_url, 1)
    event = MediaUploaded.model_validate_json(message.body)
    assert event == returned
    assert (event.media_id, event.job_id) == (upload.media_id, upload.job_id)
    assert event.staged.key == f"temp/u1/{upload.media_id}.jpg"
    assert event.staged.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert files_below(root) == {event.staged.key: CONTENT}
    assert (message.message_id, message.type) == (str(event.message_id()), "media.uploaded")
    assert message.app_id == "mail-gateway"
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert files_below(tmp_path)["photo.jpg"] == CONTENT


async def test_bytes_may_come_as_a_stream(rabbitmq_vhost_url: str, tmp_path: Path) -> None:
    """A gateway that receives over a network needs no file of its own."""

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(CONTENT), 100_000):
            yield CONTENT[start : start + 100_000]

    async with GatewayPublisher(rabbitmq_vhost_url, tmp_path / "storage") as gateway:
        event = await gateway.submit(GatewayUpload(user_id="u1", file_name="a.png"), chunks())
    assert files_below(tmp_path / "storage") == {event.staged.key: CONTENT}
    assert event.staged.size_bytes == len(CONTENT)


async def test_repetition_is_the_same_upload(rabbitmq_vhost_url: str, tmp_path: Path, photo: Path) -> None:
    """The second announcement carries the id of the first, over the same object."""
    upload = GatewayUpload(user_id="u1", file_name="photo.jpg")
    async with GatewayPublisher(rabbitmq_vhost_url, tmp_path / "storage") as gateway:
        await gateway.submit(upload, photo)
        await gateway.submit(upload, photo)
    first, second = await announced(rabbitmq_vhost_url, 2)
    assert first.message_id == second.message_id
    assert len(files_below(tmp_path / "storage")) == 1


async def test_many_at_once_are_all_confirmed(rabbitmq_vhost_url: str, tmp_path: Path, photo: Path) -> None:
    """One publisher serves a busy gateway: fifty concurrent files, fifty announcements."""
    async with GatewayPublisher(rabbitmq_vhost_url, tmp_path / "storage") as gateway:
        uploads = [GatewayUpload(user_id="u1", file_name=f"{number}.jpg") for number in range(50)]
        await asyncio.gather(*(gateway.submit(upload, photo) for upload in uploads))
    messages = await announced(rabbitmq_vhost_url, 50)
    events = [MediaUploaded.model_validate_json(message.body) for message in messages]
    assert {event.media_id for event in events} == {upload.media_id for upload in uploads}


async def test_broker_that_is_away_raises_and_keeps_the_bytes(tmp_path: Path, photo: Path) -> None:
    """Without a confirm the caller knows, and holds what it needs to announce again."""
    nobody = f"amqp://guest:guest@127.0.0.1:{free_port()}/"
    async with GatewayPublisher(nobody, tmp_path / "storage", confirm_seconds=0.3) as gateway:
        with pytest.raises(NotConfirmedError) as raised:
            await gateway.submit(GatewayUpload(user_id="u1", file_name="photo.jpg"), photo)
    staged = raised.value.message.staged
    assert files_below(tmp_path / "storage") == {staged.key: CONTENT}


async def test_announcing_again_after_a_failure_arrives(
    rabbitmq_vhost_url: str, tmp_path: Path, photo: Path
) -> None:
    """What one publisher could not announce, the next one can, without the file."""
    nobody = f"amqp://guest:guest@127.0.0.1:{free_port()}/"
    upload = GatewayUpload(user_id="u1", file_name="photo.jpg")
    async with GatewayPublisher(nobody, tmp_path / "storage", confirm_seconds=0.1) as gateway:
        with pytest.raises(NotConfirmedError) as raised:
            await gateway.submit(upload, photo)
    await asyncio.to_thread(photo.unlink)
    async with GatewayPublisher(rabbitmq_vhost_url, tmp_path / "storage") as gateway:
        await gateway.announce(raised.value.message)
    (message,) = await announced(rabbitmq_vhost_url, 1)
    assert MediaUploaded.model_validate_json(message.body).media_id == upload.media_id


async def test_stream_that_breaks_leaves_nothing(rabbitmq_vhost_url: str, tmp_path: Path) -> None:
    """Half a file is no file, and nobody is told of it."""

    async def broken() -> AsyncIterator[bytes]:
        yield CONTENT[:1000]
        raise ConnectionResetError

    async with GatewayPublisher(rabbitmq_vhost_url, tmp_path / "storage") as gateway:
        with pytest.raises(ConnectionResetError):
            await gateway.submit(GatewayUpload(user_id="u1", file_name="a.jpg"), broken())
    assert files_below(tmp_path / "storage") == {}


async def test_strange_user_ids_and_names_stay_inside_the_folder(
    rabbitmq_vhost_url: str, tmp_path: Path, photo: Path
) -> None:
    """Ids and names of outside systems are data; none of them chooses a path."""
    upload = GatewayUpload(user_id="../../etc", file_name="../../passwd.jp/g")
    async with GatewayPublisher(rabbitmq_vhost_url, tmp_path / "storage") as gateway:
        event = await gateway.submit(upload, photo)
    (key,) = files_below(tmp_path / "storage")
    assert key == event.staged.key
    assert key.startswith("temp/")
    assert ".." not in key
