"""Processes are killed and the broker restarts during 200 uploads: nothing is lost or done twice."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from mediamill_client import MediamillClient
from mediamill_database import Database
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.servers.postgres import PostgresServer
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.system import (
    TEMPORARY_AGE_SECONDS,
    MediamillSystem,
    ServiceProcess,
    running_system,
)
from mediamill_testing.waiting import eventually

UPLOADS = 200
PARALLEL = 8
KILLS = 6
BROKER_RESTARTS_AFTER = 3
SECONDS = 240.0


@pytest.fixture
def system(rabbitmq: RabbitServer, migrated_postgres: PostgresServer) -> Iterator[MediamillSystem]:
    """Give services whose every row and file can be accounted for."""
    with running_system(rabbitmq, migrated_postgres) as system:
        yield system


@pytest.mark.timeout(420)
async def test_each_upload_ends_ready_exactly_once(
    system: MediamillSystem,
    client: MediamillClient,
    database: Database,
    rabbitmq: RabbitServer,
    photo_corpus: PhotoCorpus,
) -> None:
    """200 uploads through six kills and a restart of RabbitMQ all end READY, each once."""
    photos = photo_corpus.thumbnails(8)
    uploaded = 0
    gate = asyncio.Semaphore(PARALLEL)

    async def upload(number: int) -> UUID:
        nonlocal uploaded
        async with gate:
            accepted = await client.upload(photos[number % len(photos)])
            uploaded += 1
        return accepted.job_id

    async def break_things() -> None:
        dice = random.Random(11)
        for kill in range(KILLS):
            due = (kill + 1) * UPLOADS // (KILLS + 2)
            await eventually(partial(_has_reached, lambda: uploaded, due), timeout=SECONDS)
            await _kill_and_start(dice.choice([system.processor, system.ingest]))
            if kill == BROKER_RESTARTS_AFTER:
                await asyncio.to_thread(rabbitmq.restart)

    job_ids, _ = await asyncio.gather(asyncio.gather(*map(upload, range(UPLOADS))), break_things())
    jobs = await client.wait_for_all(job_ids, seconds=SECONDS)

    assert {job.status for job in jobs} == {"completed"}
    assert len({job.media_id for job in jobs}) == UPLOADS
    one = _reader(database)
    assert await one("SELECT count(*) FROM media WHERE status = 'READY'") == UPLOADS
    assert await one("SELECT count(*) FROM media") == UPLOADS
    assert await one("SELECT count(*) FROM media_event WHERE name = 'media.ready'") == UPLOADS
    assert await one("SELECT count(*) FROM media_event WHERE name = 'media.failed'") == 0
    assert await one("SELECT count(*) FROM dead_letter") == 0
    await eventually(lambda: _is_empty(one, "outbox"))
    recorded = await _recorded_keys(database)
    await eventually(lambda: _may_be_swept(system, system.stored_keys() - recorded))

    async def nothing_is_left_behind() -> bool:
        await asyncio.to_thread(system.clean_up, "sweep-temporary")
        return system.stored_keys() == recorded

    await eventually(nothing_is_left_behind)


def _may_be_swept(system: MediamillSystem, left: set[str]) -> bool:
    """Tell whether all that is left over is old enough for cleanup to take it, which is costly to ask."""
    newest = max(((system.storage / key).stat().st_mtime for key in left), default=0.0)
    return time.time() - newest > TEMPORARY_AGE_SECONDS


def _has_reached(count: Callable[[], int], due: int) -> bool:
    return count() >= due


async def _kill_and_start(service: ServiceProcess) -> None:
    await asyncio.to_thread(service.kill)
    await asyncio.to_thread(service.start)


def _reader(database: Database) -> Callable[[str], Awaitable[Any]]:
    async def one(statement: str) -> Any:
        async with database.read() as session:
            return (await session.execute(text(statement))).scalar_one()

    return one


async def _is_empty(one: Callable[[str], Awaitable[Any]], table: str) -> bool:
    return bool(await one(f"SELECT count(*) FROM {table}") == 0)


async def _recorded_keys(database: Database) -> set[str]:
    async with database.read() as session:
        rows = await session.execute(text("SELECT original_key FROM media UNION ALL SELECT key FROM variant"))
        return {row[0] for row in rows}
