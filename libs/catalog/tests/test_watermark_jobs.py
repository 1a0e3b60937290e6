"""Watermarks on media that exist: counts are exact, each result counts once, and no medium is waited for."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from mediamill_catalog import drift, timeline, watermark_jobs
from mediamill_catalog.core import VARIANTS
from mediamill_catalog.tables import MediaStatus, StorageStatus
from mediamill_catalog.watermark_results import BUSY_SECONDS, record_lost_order
from mediamill_contracts.ids import new_id
from mediamill_contracts.sync import RequestPurge, RequestSync
from mediamill_contracts.watermark import MediaRemade, RequestWatermark, WatermarkApplied, WatermarkCancelled
from mediamill_database import Database
from mediamill_outbox.tables import outbox
from mediamill_storage.keys import PLAYLIST_TYPE

from .rows import add_medium
from .world import MARK, World


@pytest.fixture
def world(database: Database) -> World:
    """Give a world without media."""
    return World(database)


async def shown(world: World, media_id: UUID) -> dict[str, tuple[bool, int]]:
    """Return whether each variant carries a mark, and its revision."""
    async with world.database.read() as session:
        rows = await session.execute(select(VARIANTS).where(VARIANTS.c.media_id == media_id))
        return {row.name: (row.watermarked, row.revision) for row in rows}


async def codes(world: World, job_id: UUID) -> list[str | None]:
    """Return the code of each item of a job."""
    async with world.database.read() as session:
        details = await watermark_jobs.find(session, job_id)
    assert details is not None
    return sorted((item.code for item in details.items), key=str)


async def lose(world: World, message: RequestWatermark | WatermarkApplied) -> None:
    """Let a message become a dead letter."""
    async with world.database.write() as session:
        payload = message.model_dump_json().encode()
        await record_lost_order(session, payload, "RuntimeError", now=world.tick())


async def test_a_job_counts_every_medium_once(world: World) -> None:
    """What cannot be done fails at once, what is lost on the way fails later, the rest is done."""
    good, lost = await world.upload(), await world.upload()
    unready = await add_medium(world.database, status=MediaStatus.PROCESSING)
    job = await world.mark(good, lost, unready, new_id(), good)
    assert await world.job(job) == ("active", 0, 2)
    of_good, of_lost = sorted(world.pending(RequestWatermark), key=lambda order: order.media_id == lost)
    await world.deliver(of_good)
    (result,) = world.pending(WatermarkApplied)
    await world.deliver(result)
    assert await world.job(job) == ("active", 1, 2)
    for _ in range(2):
        await lose(world, of_lost)
    assert await world.job(job) == ("partial_failed", 1, 3)
    await lose(world, result)
    assert await world.job(job) == ("partial_failed", 1, 3)
    assert await codes(world, job) == [None, "not_found", "not_ready", "processing_failed"]
    assert await shown(world, good) == {"large": (True, 1), "thumb": (True, 1)}
    assert await shown(world, lost) == {"large": (False, 0), "thumb": (False, 0)}
    async with world.database.read() as session:
        lines = [line.name for line in await timeline.of_media(session, good)]
    assert lines[-1] == "watermark.applied"


async def test_the_owner_is_told_when_it_can_be_seen(world: World) -> None:
    """Once for each exchange, and not for a result that changes nothing."""
    media_id = await world.upload()
    await world.mark(media_id)
    (order,) = world.pending(RequestWatermark)
    await world.deliver(order)
    (result,) = world.pending(WatermarkApplied)
    await world.deliver(result)
    (news,) = world.pending(MediaRemade)
    assert (news.user_id, news.variants, news.watermarked) == ("anna", ("large", "thumb"), True)
    await world.deliver(news, result)
    assert world.pending(MediaRemade) == []


async def test_a_medium_has_one_order_out_at_a_time(world: World) -> None:
    """The second job is told so; when the first has ended, a third takes the marks off again, once."""
    media_id = await world.upload()
    first, second = await world.mark(media_id), await world.mark(media_id, mark=None)
    assert (await world.job(second), await codes(world, second)) == (("failed", 0, 1), ["in_progress"])
    await world.settle()
    assert await world.job(first) == ("completed", 1, 0)
    third = await world.mark(media_id, mark=None)
    await world.settle()
    assert await world.job(third) == ("completed", 1, 0)
    assert await codes(world, await world.mark(media_id, mark=None)) == ["not_watermarked"]
    assert await shown(world, media_id) == {"large": (False, 2), "thumb": (False, 2)}
    assert await world.broken() == []


async def test_a_cancelled_job_leaves_what_is_not_done_as_it_was(world: World) -> None:
    """What is done stays, what comes later is thrown away, and the media can be marked again at once."""
    done, open_one = await world.upload(), await world.upload()
    job = await world.mark(done, open_one)
    first, second = sorted(world.pending(RequestWatermark), key=lambda order: order.media_id == open_one)
    await world.deliver(first)
    await world.deliver(*world.pending(WatermarkApplied))
    async with world.database.write() as session:
        await watermark_jobs.cancel(session, job, now=world.tick())
    await world.collect()
    (told,) = world.pending(WatermarkCancelled)
    assert told.parent_job_id == job
    assert (await world.job(job), await codes(world, job)) == (("cancelled", 1, 1), [None, "cancelled"])
    await world.deliver(second)
    await world.settle()
    assert (await world.job(job), await codes(world, job)) == (("cancelled", 1, 1), [None, "cancelled"])
    assert await shown(world, open_one) == {"large": (False, 0), "thumb": (False, 0)}
    assert await world.broken() == []
    async with world.database.write() as session:
        with pytest.raises(watermark_jobs.WatermarkJobClosedError):
            await watermark_jobs.cancel(session, job, now=world.tick())
        with pytest.raises(watermark_jobs.WatermarkJobNotFoundError):
            await watermark_jobs.cancel(session, new_id(), now=world.tick())
    again = await world.mark(open_one)
    await world.settle()
    assert await world.job(again) == ("completed", 1, 0)


@pytest.mark.parametrize("end", ["lost", "purged"])
async def test_what_comes_too_late_is_removed(world: World, end: str) -> None:
    """Of a job that failed, or whose medium is gone, the variants are thrown away; the old ones stay."""
    media_id = await world.upload()
    job = await world.mark(media_id)
    (order,) = world.pending(RequestWatermark)
    if end == "lost":
        await lose(world, order)
    else:
        await world.purge(media_id)
    before = set(world.stored["local"])
    await world.settle()
    assert await world.job(job) == ("failed", 0, 1)
    assert world.stored["local"] == (before if end == "lost" else set())
    assert await world.broken() == []


async def test_a_repeated_result_takes_nothing_away(world: World) -> None:
    """What it tells of is in use, or its time is over already."""
    media_id = await world.upload()
    await world.mark(media_id)
    (order,) = world.pending(RequestWatermark)
    await world.deliver(order)
    (result,) = world.pending(WatermarkApplied)
    await world.deliver(result)
    await world.settle()
    before = set(world.stored["local"])
    await world.deliver(result)
    assert world.pending(RequestPurge) == []
    assert world.stored["local"] == before


@pytest.mark.parametrize("when", ["before the work", "before the result"])
async def test_a_medium_that_moved_is_ordered_again(world: World, when: str) -> None:
    """An order that found nothing, or made variants for where the medium was, goes out for where it is."""
    media_id = await world.upload()
    job = await world.mark(media_id)
    (order,) = world.pending(RequestWatermark)
    if when == "before the result":
        await world.deliver(order)
    results = world.pending(WatermarkApplied)
    await world.send(media_id)
    for message in list(world.messages):
        if message not in (order, *results):
            await world.deliver(message)
    await world.settle()
    assert await world.job(job) == ("completed", 1, 0)
    assert await shown(world, media_id) == {"large": (True, 1), "thumb": (True, 1)}
    assert await world.broken() == []
    medium = await world.medium(media_id)
    assert world.stored["local"] == {each.key for each in medium.objects("local")}


async def test_an_original_that_is_lost_fails_its_order(world: World) -> None:
    """It did not move: there is nothing to order again."""
    media_id = await world.upload()
    world.stored["local"].discard((await world.medium(media_id)).objects("local")[0].key)
    job = await world.mark(media_id)
    await world.settle()
    assert (await world.job(job), await codes(world, job)) == (("failed", 0, 1), ["source_missing"])


async def test_a_medium_that_leaves_a_store_is_ordered_again_later(world: World) -> None:
    """Whether the removal succeeds is not known yet: no result may count on it, and none gets lost by it."""
    media_id = await world.upload(StorageStatus.BOTH)
    job = await world.mark(media_id)
    (order,) = world.pending(RequestWatermark)
    await world.remove(media_id, "local")
    (removal,) = world.pending(RequestSync)
    await world.deliver(order)
    (result,) = world.pending(WatermarkApplied)
    await world.deliver(result)
    assert await world.job(job) == ("active", 0, 0)
    async with world.database.read() as session:
        dues = list(await session.scalars(select(outbox.c.available_at).order_by(outbox.c.id)))
    assert dues[-1] - dues[0] >= BUSY_SECONDS
    world.stored["s3"].clear()
    await world.deliver(removal)
    await world.settle()
    assert (await world.medium(media_id)).row.storage_status is StorageStatus.LOCAL
    assert await world.job(job) == ("completed", 1, 0)
    assert await world.broken() == []


async def test_a_copy_of_what_was_exchanged_is_made_again(world: World) -> None:
    """A copy to S3 that was under way brought the old variants there: it does not count, and is due again."""
    media_id = await world.upload()
    await world.copy(media_id, "s3")
    (copy,) = world.pending(RequestSync)
    await world.mark(media_id)
    await world.deliver(*world.pending(RequestWatermark))
    await world.deliver(*world.pending(WatermarkApplied))
    await world.deliver(copy)
    await world.settle()
    assert (await world.medium(media_id)).row.storage_status is StorageStatus.LOCAL
    later = world.now + timedelta(hours=1)
    async with world.database.read() as session:
        due = await drift.lacking_s3(session, ["local_only"], before=later, count=9)
    assert [row.id for row in due] == [media_id]
    await world.copy(media_id, "s3")
    await world.settle()
    assert (await world.medium(media_id)).row.storage_status is StorageStatus.BOTH
    assert await world.broken() == []


FILM = {
    "video": ("video/mp4", 1920, 1080),
    "p480": ("video/mp4", 854, 480),
    "hls": (PLAYLIST_TYPE, 1920, 1080),
    "hls_video": (PLAYLIST_TYPE, 1920, 1080),
    "hls_video_data": ("video/mp4", 1920, 1080),
    "hls_p480": (PLAYLIST_TYPE, 854, 480),
    "hls_p480_data": ("video/mp4", 854, 480),
    "poster": ("image/jpeg", 1280, 720),
}
"""Type and size of each variant of a video."""


async def test_a_video_is_made_again_as_a_whole(world: World) -> None:
    """All that is stored of it is asked for, on a queue apart; only what was chosen gets the mark."""
    media_id = await add_medium(world.database, kind="video", variants=tuple(FILM))
    async with world.database.write() as session:
        for name, (media_type, width, height) in FILM.items():
            await session.execute(
                update(VARIANTS)
                .where(VARIANTS.c.name == name)
                .values(media_type=media_type, width=width, height=height)
            )
    world.stored["local"] |= {each.key for each in (await world.medium(media_id)).objects("local")}
    job = await world.mark(media_id, mark=MARK.model_copy(update={"variants": ("video", "poster")}))
    (order,) = world.pending(RequestWatermark)
    assert order.routing_key == "watermark.requested.video"
    film = order.recipe.video
    assert film is not None
    assert [(each.name, each.max_short_side) for each in film.renditions] == [("video", 1080), ("p480", 480)]
    assert {(each.crf, each.preset) for each in film.renditions} == {(30, "slow")}
    assert (film.hls, film.revision) == (True, 1)
    assert [(each.name, each.format, each.width) for each in order.recipe.variants] == [
        ("poster", "jpeg", 1280)
    ]
    await world.settle()
    assert await world.job(job) == ("completed", 1, 0)
    seen = await shown(world, media_id)
    assert {name for name, (is_marked, _) in seen.items() if is_marked} == {"video", "poster"}
    assert {revision for _, revision in seen.values()} == {1}
    assert await world.broken() == []
    assert await codes(world, await world.mark(media_id, mark=None)) == [None]
