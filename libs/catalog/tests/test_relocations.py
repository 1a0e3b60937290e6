"""Attachments move to their message's folder; whatever happens meanwhile, what rows name is there."""

from uuid import UUID

import pytest

from mediamill_catalog import timeline
from mediamill_catalog.relocations import ABANDONED, MAX_RUNS, RELOCATED, record_lost_relocation
from mediamill_catalog.tables import StorageStatus
from mediamill_contracts.relocation import RelocationCompleted, RequestRelocation
from mediamill_contracts.sync import RequestPurge, RequestSync, SyncCompleted
from mediamill_contracts.watermark import RequestWatermark, WatermarkApplied
from mediamill_database import Database

from .world import World


@pytest.fixture
def world(database: Database) -> World:
    """Give a world without media."""
    return World(database)


async def sent(world: World, media_id: UUID) -> UUID:
    """Send a message with the medium."""
    message_id = await world.send(media_id)
    assert message_id is not None
    return message_id


async def copied(world: World) -> RelocationCompleted:
    """Let the worker copy, and return its result, which is on its way."""
    await world.deliver(*world.pending(RequestRelocation))
    result: RelocationCompleted
    (result,) = world.pending(RelocationCompleted)
    return result


async def is_in(world: World, media_id: UUID, folder: object) -> bool:
    """Return whether all objects of a medium are in a folder and its stores; nothing may be anywhere else."""
    assert await world.broken() == []
    names = {each.key for each in (await world.medium(media_id)).objects("local")}
    assert world.stored["local"] | world.stored["s3"] == names
    return all(key.split("/")[-2] == str(folder) for key in names)


async def lines(world: World, media_id: UUID) -> list[str]:
    """Return the names of what happened to a medium."""
    async with world.database.read() as session:
        return [line.name for line in await timeline.of_media(session, media_id)]


@pytest.mark.parametrize("status", [StorageStatus.LOCAL, StorageStatus.BOTH])
async def test_an_attachment_moves_once(world: World, status: StorageStatus) -> None:
    """Requests and results that come again, also after the old objects went, change nothing."""
    media_id = await world.upload(status)
    message_id = await sent(world, media_id)
    (request,) = world.pending(RequestRelocation)
    result = await copied(world)
    await world.deliver(result, result)
    await world.settle()
    assert await is_in(world, media_id, message_id)
    await world.deliver(request)
    await world.settle()
    await world.deliver(result)
    await world.settle()
    assert await is_in(world, media_id, message_id)
    assert (await lines(world, media_id)).count(RELOCATED) == 1


async def test_a_worker_that_dies_amid_the_copies_goes_on_with_the_rest(world: World) -> None:
    """The request comes again; nothing was named before all copies were there."""
    media_id = await world.upload()
    message_id = await sent(world, media_id)
    deaths = iter([False, True])
    world.dies_after = lambda: next(deaths, False)
    await world.deliver(*world.pending(RequestRelocation))
    assert (len(world.stored["local"]), world.pending(RelocationCompleted)) == (5, [])
    assert await world.broken() == []
    await world.settle()
    assert await is_in(world, media_id, message_id)


async def test_a_message_that_was_deleted_meanwhile_gets_nothing(world: World) -> None:
    """The copies go, the medium stays where it is; restored, it can move with another message."""
    media_id = await world.upload()
    first = await sent(world, media_id)
    result = await copied(world)
    await world.delete_message(first)
    await world.settle()
    assert await is_in(world, media_id, "unlinked")
    await world.restore(media_id)
    second = await sent(world, media_id)
    await world.deliver(result)
    await world.settle()
    assert await is_in(world, media_id, second)


async def test_a_medium_in_the_trash_moves_all_the_same(world: World) -> None:
    """It may come back to its message at any moment, so a result never depends on it."""
    media_id = await world.upload()
    message_id = await sent(world, media_id)
    result = await copied(world)
    await world.hide(media_id)
    await world.deliver(result)
    await world.restore(media_id)
    await world.deliver(result)
    await world.settle()
    assert await is_in(world, media_id, message_id)


async def test_of_a_medium_that_was_removed_nothing_is_left(world: World) -> None:
    """Neither what the record named nor the copies, whichever comes first."""
    early, late = await world.upload(), await world.upload()
    await sent(world, early)
    await copied(world)
    await world.purge(early)
    await world.settle()
    await sent(world, late)
    requests = world.pending(RequestRelocation)
    await world.purge(late)
    for message in [each for each in world.messages if each not in requests]:
        await world.deliver(message)
    await world.settle()
    assert world.stored == {"local": set(), "s3": set()}


async def test_variants_that_were_exchanged_meanwhile_are_copied_again(world: World) -> None:
    """The run that copied the old ones does not count; its useless copies go, and the next one counts."""
    media_id = await world.upload()
    message_id = await sent(world, media_id)
    stale = await copied(world)
    await world.mark(media_id)
    await world.deliver(*world.pending(RequestWatermark))
    await world.deliver(*world.pending(WatermarkApplied))
    await world.deliver(stale, stale)
    (again,) = world.pending(RequestRelocation)
    assert again.run == 1
    await world.settle()
    await world.deliver(stale)
    await world.settle()
    assert await is_in(world, media_id, message_id)


async def test_a_store_that_came_in_between_is_copied_to_as_well(world: World) -> None:
    """A medium that got to S3 while it was copied locally moves there too before its rows name the copies."""
    media_id = await world.upload()
    message_id = await sent(world, media_id)
    await world.copy(media_id, "s3")
    result = await copied(world)
    await world.deliver(*world.pending(RequestSync))
    await world.deliver(*world.pending(SyncCompleted))
    await world.settle()
    assert result.copied_to == ("local",)
    assert (await world.medium(media_id)).row.storage_status is StorageStatus.BOTH
    assert await is_in(world, media_id, message_id)


async def test_a_medium_that_never_comes_to_rest_stays_where_it_is(world: World) -> None:
    """After the last run it is given up, and no late result names copies that are gone."""
    media_id = await world.upload(StorageStatus.BOTH)
    await sent(world, media_id)
    await world.remove(media_id, "s3")
    removal = world.pending(RequestSync)
    results = []
    for _ in range(MAX_RUNS):
        results.append(await copied(world))
        await world.deliver(results[-1])
    assert (await lines(world, media_id))[-1] == ABANDONED
    await world.deliver(*world.pending(RequestPurge))
    await world.deliver(*removal)
    await world.settle()
    await world.deliver(*results)
    await world.settle()
    assert await is_in(world, media_id, "unlinked")
    assert await world.unfinished() == (0, 0)


async def test_a_dead_letter_is_told_of_and_can_be_replayed(world: World) -> None:
    """The medium stays where it is, its timeline says so, and a replay moves it after all."""
    media_id = await world.upload()
    message_id = await sent(world, media_id)
    (request,) = world.pending(RequestRelocation)
    for payload in (request.model_dump_json().encode(), b"{}"):
        async with world.database.write() as session:
            await record_lost_relocation(session, payload, "OSError", now=world.tick())
    assert (await lines(world, media_id))[-1] == ABANDONED
    assert await world.broken() == []
    await world.settle()
    assert await is_in(world, media_id, message_id)
    async with world.database.write() as session:
        payload = request.model_dump_json().encode()
        await record_lost_relocation(session, payload, "OSError", now=world.tick())
    assert (await lines(world, media_id))[-1] == RELOCATED
