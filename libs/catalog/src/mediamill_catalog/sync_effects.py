"""What a run that has ended means for its media: which store they claim now, and their timelines."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import media, storage_claims, timeline
from mediamill_catalog.stored_media import load_stored_media
from mediamill_catalog.sync_operations import COPIED_FROM, REMOVED_FROM
from mediamill_catalog.timeline import Happening
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import MediaPurged, SyncCompleted
from mediamill_outbox import emit

OVERTAKEN = "overtaken"
"""Code of a copy that does not count: the medium gave the store up, or is to go, or the bucket is another."""
OVERTAKEN_DETAIL = "The medium was removed from there, or deleted, or the bucket changed in the meantime."
FAILED = "sync.failed"
"""Name of the timeline's line about a medium that a run failed for."""


async def record_effects(
    session: AsyncSession,
    event: SyncCompleted,
    media_ids: Collection[UUID],
    *,
    s3: S3Location | None,
    now: datetime,
    trace_id: str | None = None,
) -> set[UUID]:
    """Write what the run did to `media_ids`, all that were in it; return those that count as done.

    `s3` is where S3 is by the settings of now: copies in any other bucket are nobody's.
    """
    done = set(event.done) & set(media_ids)
    if event.operation in COPIED_FROM:
        target = storage_claims.other_store(COPIED_FROM[event.operation])
        if target == "s3" and event.s3 is not None and not event.s3.same_bucket(s3):
            done = set()
        done = await storage_claims.claim(session, done, target, asked_at=event.requested_at, now=now)
    elif event.operation in REMOVED_FROM:
        store = REMOVED_FROM[event.operation]
        alone = {failure.media_id for failure in event.failures if failure.code == "last_copy"} - done
        await storage_claims.put_back(session, alone & set(media_ids), store, now=now)
        await storage_claims.give_up(session, done, store, now=now)
        await storage_claims.removal_ended(session, media_ids, store, now=now)
    else:
        await _announce_purged(session, done)
        return done
    known = set(await media.find_many(session, media_ids))
    codes = _codes(event, done, known)
    about = {"operation": event.operation, "syncJobId": str(event.sync_job_id)}
    lines = [
        Happening(each, event.wire_name, now, detail=about, trace_id=trace_id)
        for each in sorted(done & known)
    ]
    lines += [
        Happening(each, FAILED, now, detail=about | {"code": code}, trace_id=trace_id)
        for each, code in sorted(codes.items())
    ]
    await timeline.record(session, *lines)
    return done


async def _announce_purged(session: AsyncSession, media_ids: Collection[UUID]) -> None:
    """Let the record that takes care of purged media remove the rows, as after any deletion for good."""
    for media_id, medium in (await load_stored_media(session, media_ids)).items():
        keys = tuple(each.key for each in medium.objects("local"))
        await emit(session, MediaPurged(media_id=media_id, user_id=medium.row.user_id, removed_keys=keys))


def _codes(event: SyncCompleted, done: set[UUID], media_ids: set[UUID]) -> dict[UUID, str]:
    """Return why the run failed, for each of the media that it failed for."""
    codes = dict.fromkeys(media_ids & set(event.done) - done, OVERTAKEN)
    for failure in event.failures:
        if failure.media_id in media_ids:
            codes.setdefault(failure.media_id, failure.code)
    return codes
