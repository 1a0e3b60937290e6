"""Hard deletion: asked for once, held back while work is open, and never undone by what comes late."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from mediamill_catalog import audit, media
from mediamill_catalog.core import JOBS, TIMELINE, VARIANTS
from mediamill_catalog.purges import (
    clear_late_copies,
    emit_due_purges,
    finish_purge,
    overdue_purges,
    request_purge,
)
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import MediaStatus, StorageStatus
from mediamill_contracts.sync import MediaPurged, RequestPurge
from mediamill_database import Database
from mediamill_outbox.tables import outbox

from .rows import NOW, add_medium

EVERYWHERE = PlatformSettings(s3_enabled=True, s3_bucket="media")
LOCAL = EVERYWHERE.model_copy(update={"s3_delete_with_local": False})
WITHOUT_S3 = PlatformSettings()
LATER = NOW + timedelta(hours=1)


async def _request(
    database: Database, *media_ids: UUID, settings: PlatformSettings = EVERYWHERE, **more: Any
) -> list[UUID]:
    async with database.write() as session:
        rows = await request_purge(session, media_ids, actor="boss", settings=settings, now=LATER, **more)
    return [row.id for row in rows]


async def _emitted(database: Database) -> list[RequestPurge]:
    async with database.read() as session:
        found = await session.execute(select(outbox.c.payload).order_by(outbox.c.id))
        return [RequestPurge.model_validate_json(payload) for payload in found.scalars()]


async def _finish(database: Database, media_id: UUID, *keys: str) -> bool:
    event = MediaPurged(media_id=media_id, user_id="anna", removed_keys=keys)
    async with database.write() as session:
        return await finish_purge(session, event, now=LATER)


async def test_the_medium_is_hidden_and_all_its_objects_go(database: Database) -> None:
    """One request, however often it is asked for."""
    media_id = await add_medium(database, variants=("large", "thumb"), storage_status=StorageStatus.BOTH)
    assert await _request(database, media_id) == [media_id]
    assert await _request(database, media_id) == []
    (request,) = await _emitted(database)
    assert (request.final, request.stores, request.s3) == (True, ("local", "s3"), EVERYWHERE.s3_location)
    assert [key.rpartition(media_id.hex)[2] for key in request.keys] == [".jpg", "_large.webp", "_thumb.webp"]
    async with database.read() as session:
        row = await media.find(session, media_id)
        acts = await audit.of_media(session, media_id)
    assert row is not None
    assert (row.deleted_at, row.deleted_by) == (LATER, "boss")
    assert [(act.actor, act.action) for act in acts] == [("boss", "media.purge_requested")]


@pytest.mark.parametrize(
    ("status", "settings", "stores"),
    [
        (StorageStatus.BOTH, LOCAL, ("local",)),
        (StorageStatus.S3, LOCAL, ("local", "s3")),
        (StorageStatus.LOCAL, EVERYWHERE, ("local", "s3")),
        (StorageStatus.LOCAL, WITHOUT_S3, ("local",)),
    ],
)
async def test_copies_in_s3_stay_when_the_operator_wants_it(
    database: Database, status: StorageStatus, settings: PlatformSettings, stores: tuple[str, ...]
) -> None:
    """Unless they are the only ones; and what an interrupted step left anywhere goes too."""
    media_id = await add_medium(database, storage_status=status)
    await _request(database, media_id, settings=settings)
    assert (await _emitted(database))[0].stores == stores


async def test_the_removal_waits_for_the_end_of_work(database: Database) -> None:
    """While a worker may write objects, nothing is removed; then everything, quarantine included."""
    media_id = await add_medium(database, status=MediaStatus.PROCESSING)
    assert await _request(database, media_id) == [media_id]
    assert await _emitted(database) == []
    async with database.write() as session:
        await emit_due_purges(session, [media_id], settings=EVERYWHERE)
        await media.mark_failed(session, media_id, code="truncated", detail="", now=LATER)
        await emit_due_purges(session, [media_id], settings=EVERYWHERE)
    (request,) = await _emitted(database)
    assert f"failed/{media_id}.quarantine" in request.keys
    assert any(key.endswith("_thumb.jpg") for key in request.keys), "what an attempt stored before it failed"


async def test_the_row_goes_and_a_tombstone_stays(database: Database) -> None:
    """Variants, jobs and timeline go with it; the audit can tell who asked and what was removed."""
    media_id = await add_medium(database, variants=("thumb",))
    assert not await _finish(database, media_id), "nobody had asked for it"
    await _request(database, media_id)
    assert await _finish(database, media_id, "permanent/a.jpg")
    assert not await _finish(database, media_id)
    async with database.read() as session:
        for table in (VARIANTS, JOBS, TIMELINE):
            count = await session.scalar(
                select(func.count()).select_from(table).where(table.c.media_id == media_id)
            )
            assert count == 0
        stone = (await audit.tombstones(session, [media_id]))[media_id]
        acts = await audit.of_media(session, media_id)
    assert stone.detail["keys"] == ["permanent/a.jpg"]
    assert [act.action for act in acts] == ["media.purge_requested", "media.purged"]


async def test_of_a_purge_and_a_restore_one_wins(database: Database) -> None:
    """Either the medium is back, or it goes for good; never a restored medium without bytes."""
    media_ids = [await add_medium(database, deleted_at=NOW, deleted_by="anna") for _ in range(10)]

    async def restore(media_id: UUID) -> bool:
        async with database.write() as session:
            return await media.unhide(session, media_id, deleted_after=NOW - timedelta(days=1), now=LATER)

    purged, restored = await asyncio.gather(
        _request(database, *media_ids, deleted_before=LATER), asyncio.gather(*map(restore, media_ids))
    )
    back = {media_id for media_id, was in zip(media_ids, restored, strict=True) if was}
    assert back | set(purged) == set(media_ids)
    assert not back & set(purged)
    assert {request.media_id for request in await _emitted(database)} == set(purged)


async def test_a_medium_that_is_not_in_the_trash_long_enough_stays(database: Database) -> None:
    """The cleanup asks with its own clock; visible media and fresh deletions are not its business."""
    visible = await add_medium(database)
    fresh = await add_medium(database, deleted_at=LATER, deleted_by="anna")
    old = await add_medium(database, deleted_at=NOW, deleted_by="anna")
    assert await _request(database, visible, fresh, old, deleted_before=LATER) == [old]


async def test_a_removal_that_never_ended_is_found(database: Database) -> None:
    """A lost request can be sent again."""
    media_id = await add_medium(database)
    await _request(database, media_id)
    async with database.read() as session:
        assert await overdue_purges(session, before=LATER, limit=10) == []
        found = await overdue_purges(session, before=LATER + timedelta(seconds=1), limit=10)
    assert found == [media_id]


async def test_a_copy_of_a_purged_medium_is_cleared(database: Database) -> None:
    """A transfer that ended too late leaves objects that only the tombstone still knows."""
    kept, gone = await add_medium(database), await add_medium(database)
    await _request(database, gone)
    await _finish(database, gone, "permanent/gone.jpg")
    async with database.write() as session:
        await clear_late_copies(session, [kept, gone], "s3", s3=EVERYWHERE.s3_location)
    (clearing,) = (await _emitted(database))[1:]
    assert (clearing.media_id, clearing.keys) == (gone, ("permanent/gone.jpg",))
    assert (clearing.final, clearing.stores) == (False, ("s3",))


async def test_a_copy_that_arrives_amid_a_removal_is_cleared(database: Database) -> None:
    """The removal may have passed by already; what the medium claims, it deals with itself."""
    going = await add_medium(database, variants=("thumb",))
    claimed = await add_medium(database, storage_status=StorageStatus.BOTH)
    await _request(database, going, claimed, settings=LOCAL)
    async with database.write() as session:
        await clear_late_copies(session, [going, claimed], "s3", s3=EVERYWHERE.s3_location)
    (clearing,) = (await _emitted(database))[2:]
    assert (clearing.media_id, clearing.final, clearing.stores) == (going, False, ("s3",))
    assert len(clearing.keys) == 2
