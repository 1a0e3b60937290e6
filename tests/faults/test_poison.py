"""Messages that can never be handled end as dead letters with their reason, and their neighbours finish."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar

import aio_pika
import pytest
from sqlalchemy import text

from mediamill_client import MediamillClient
from mediamill_contracts import Message
from mediamill_contracts.topology import EVENTS_EXCHANGE, INGEST_ADMISSION, PROCESSOR_IMAGES, Queue
from mediamill_database import Database
from mediamill_outbox import emit
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.system import MediamillSystem
from mediamill_testing.waiting import eventually

COMMANDS = Path(sys.executable).parent
DEADLY_CONSUMER = Path(__file__).with_name("deadly_consumer.py")


class LostEvent(Message):
    """An event that no queue and no listener was ever meant to take."""

    wire_name: ClassVar[str] = "lost.event"


@pytest.mark.parametrize(
    ("queue", "topic", "type_name", "body", "code"),
    [
        (
            PROCESSOR_IMAGES,
            "media.accepted.image.interactive",
            "media.accepted",
            b"\xff not JSON",
            "invalid_json",
        ),
        (INGEST_ADMISSION, "media.uploaded", "media.uploaded", b'{"media_id": "x"}', "invalid_message"),
        (INGEST_ADMISSION, "media.uploaded", "media.unheard", b"{}", "unknown_type"),
    ],
)
async def test_a_message_nobody_can_read_becomes_a_dead_letter(
    system: MediamillSystem,
    client: MediamillClient,
    database: Database,
    photo_corpus: PhotoCorpus,
    queue: Queue,
    topic: str,
    type_name: str,
    body: bytes,
    code: str,
) -> None:
    """Bytes that are no message are given up with their reason, and an upload beside them becomes ready."""
    event_id = f"poison-{code}"
    await _publish(system.broker_url, topic, type_name, event_id, body)
    accepted = await client.upload(photo_corpus.thumbnails(1)[0])

    assert (await client.wait_for(accepted.job_id, seconds=120)).succeeded
    letter = await eventually(lambda: _open_letter(database, event_id), timeout=60)
    assert (letter.queue, letter.code, letter.payload) == (queue.name, code, body)


async def test_an_event_without_a_queue_becomes_a_dead_letter(
    database: Database, client: MediamillClient
) -> None:
    """An event that cannot be routed is kept as a dead letter instead of vanishing, and blocks nothing."""
    async with database.write() as session:
        event_id = await emit(session, LostEvent())

    letter = await eventually(lambda: _open_letter(database, str(event_id)), timeout=60)
    assert (letter.code, letter.routing_key) == ("unroutable", "lost.event")
    await eventually(lambda: _is_empty(database, "outbox"))


@pytest.mark.timeout(300)
async def test_a_message_that_kills_its_consumer_is_given_up_and_can_be_replayed(
    system: MediamillSystem, client: MediamillClient, database: Database, photo_corpus: PhotoCorpus
) -> None:
    """After a number of deaths the message is a dead letter and its job has failed; a replay finishes it."""
    await asyncio.to_thread(system.processor.stop)
    deadly = await client.upload(photo_corpus.thumbnails(1)[0])
    deaths = await _deaths_until(
        system.broker_url, lambda: _open_letter_of(database, PROCESSOR_IMAGES.name, "crash_limit")
    )
    letter = await _open_letter_of(database, PROCESSOR_IMAGES.name, "crash_limit")
    failed = await client.wait_for(deadly.job_id, seconds=60)

    assert deaths >= PROCESSOR_IMAGES.retry.max_crashes
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.code == "crash_limit"

    neighbour = await client.upload(photo_corpus.thumbnails(2)[1])
    await asyncio.to_thread(system.processor.start)
    assert (await client.wait_for(neighbour.job_id, seconds=120)).succeeded

    command = await asyncio.create_subprocess_exec(
        COMMANDS / "mediamill-dead-letters", "--url", system.database_url, "replay", str(letter.id)
    )
    assert await command.wait() == 0
    await eventually(lambda: _is_ready(client, deadly.media_id), timeout=120)
    assert (await client.job(deadly.job_id)).status == "completed"


async def _deaths_until(broker_url: str, done: Callable[[], Awaitable[Any]]) -> int:
    """Have consumers die one after the other until `done`; return how many a message killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(DEADLY_CONSUMER), broker_url, stdout=asyncio.subprocess.PIPE
    )
    try:
        await eventually(done, timeout=120)
    finally:
        process.terminate()
        out, _ = await process.communicate()
    return out.count(b"killed")


async def _publish(url: str, topic: str, type_name: str, event_id: str, body: bytes) -> None:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel(on_return_raises=True)
        exchange = await channel.get_exchange(EVENTS_EXCHANGE)
        message = aio_pika.Message(body, type=type_name, message_id=event_id, delivery_mode=2)
        await exchange.publish(message, topic, mandatory=True)


async def _open_letter(database: Database, event_id: str) -> Any:
    return await _row(database, "event_id = :value", event_id)


async def _open_letter_of(database: Database, queue: str, code: str) -> Any:
    return await _row(database, "queue = :value AND code = :code", queue, code=code)


async def _row(database: Database, where: str, value: str, **more: str) -> Any:
    statement = text(f"SELECT * FROM dead_letter WHERE status = 'open' AND {where}")
    async with database.read() as session:
        return (await session.execute(statement, {"value": value, **more})).one_or_none()


async def _count(database: Database, table: str) -> int:
    async with database.read() as session:
        return int((await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


async def _is_ready(client: MediamillClient, media_id: Any) -> bool:
    return (await client.media(media_id)).status == "READY"


async def _is_empty(database: Database, table: str) -> bool:
    return await _count(database, table) == 0
