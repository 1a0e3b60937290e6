"""Soft deletion and its undoing: a mark beside the status, so work in flight goes on undisturbed."""

from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import audit, media, timeline
from mediamill_catalog.audit import Act
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import utc_now
from mediamill_catalog.timeline import Happening
from mediamill_contracts.media import MediaDeleted, MediaRestored
from mediamill_database import Database
from mediamill_ingest.repetition import RepeatableRequest, is_repetition
from mediamill_outbox import emit
from mediamill_runtime.telemetry import current_trace_id

Restoration = Literal["restored", "visible", "retention_ended", "purged"]
"""What became of it; `visible`: it was not deleted, or the same request had brought it back before."""


async def hide_media(
    database: Database,
    media_id: UUID,
    *,
    user_id: str,
    actor: str,
    request: RepeatableRequest | None = None,
) -> bool:
    """Mark a medium of `user_id` as deleted and announce it; return False when there was nothing to do."""
    async with database.write() as session:
        if await is_repetition(session, actor, request, now=utc_now()):
            return False
        return await hide_in(session, media_id, user_id=user_id, actor=actor)


async def hide_in(session: AsyncSession, media_id: UUID, *, user_id: str, actor: str) -> bool:
    """Do the same inside the caller's transaction."""
    now = utc_now()
    if not await media.hide(session, media_id, actor=actor, now=now):
        return False
    event = MediaDeleted(media_id=media_id, user_id=user_id, deleted_by=actor, deleted_at=now)
    line = Happening(media_id, event.wire_name, now, actor=actor, trace_id=current_trace_id())
    await timeline.record(session, line)
    await audit.record(session, Act(actor, audit.DELETED, now, media_id, {"userId": user_id}))
    await emit(session, event)
    return True


async def restore_media(
    database: Database,
    media_id: UUID,
    *,
    user_id: str,
    actor: str,
    settings: PlatformSettings,
    request: RepeatableRequest | None = None,
) -> Restoration:
    """Take the deletion mark away and announce it, while the medium's retention lasts."""
    now = utc_now()
    retention = timedelta(days=settings.soft_delete_retention_days)
    async with database.write() as session:
        if await is_repetition(session, actor, request, now=now):
            return "visible"
        row = await media.find(session, media_id, lock=True)
        if row is None or row.purge_requested_at is not None:
            return "purged"
        if row.deleted_at is None:
            return "visible"
        if not await media.unhide(session, media_id, deleted_after=now - retention, now=now):
            return "retention_ended"
        event = MediaRestored(media_id=media_id, user_id=user_id, restored_by=actor, restored_at=now)
        line = Happening(media_id, event.wire_name, now, actor=actor, trace_id=current_trace_id())
        await timeline.record(session, line)
        await audit.record(session, Act(actor, audit.RESTORED, now, media_id, {"userId": user_id}))
        await emit(session, event)
    return "restored"
