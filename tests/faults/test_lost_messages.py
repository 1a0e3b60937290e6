"""A broker that lost its disk: what it held is sent again, and nobody has to upload anything twice."""

import asyncio
from datetime import timedelta

import aio_pika
import pytest
from sqlalchemy import update

from mediamill_catalog import timeline
from mediamill_catalog.core import JOBS, MEDIA
from mediamill_client import MediamillClient
from mediamill_contracts.topology import PROCESSOR_IMAGES
from mediamill_database import Database
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.system import MediamillSystem
from mediamill_testing.waiting import eventually


@pytest.mark.timeout(240)
async def test_a_medium_whose_message_was_lost_becomes_ready(
    system: MediamillSystem, client: MediamillClient, database: Database, photo_corpus: PhotoCorpus
) -> None:
    """Its order is thrown away before a worker sees it; cleanup finds that nothing is heard of it."""
    await asyncio.to_thread(system.processor.stop)
    accepted = await client.upload(photo_corpus.thumbnails(1)[0])
    await eventually(lambda: _purged(system.broker_url, PROCESSOR_IMAGES.name), timeout=60)
    await asyncio.to_thread(system.processor.start)
    async with database.write() as session:
        for table, row_id in ((MEDIA, accepted.media_id), (JOBS, accepted.job_id)):
            long_ago = table.c.updated_at - timedelta(hours=7)
            await session.execute(update(table).where(table.c.id == row_id).values(updated_at=long_ago))

    await asyncio.to_thread(system.clean_up, "resume-stalled")

    assert (await client.wait_for(accepted.job_id, seconds=60)).status == "completed"
    async with database.read() as session:
        lines = [line.name for line in await timeline.of_media(session, accepted.media_id)]
    assert lines == ["media.uploaded", "media.accepted", "media.resumed", "media.ready"]


async def _purged(url: str, queue: str) -> bool:
    """Throw away what waits in a queue; tell whether there was anything."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        declared = await channel.declare_queue(queue, passive=True)
        return bool((await declared.purge()).message_count)
