"""Soft deletion and its undoing: a mark beside the status, so work in flight goes on undisturbed."""

from uuid import UUID

from mediamill_catalog import media, timeline
from mediamill_catalog.tables import utc_now
from mediamill_catalog.timeline import Happening
from mediamill_contracts.media import MediaDeleted, MediaRestored
from mediamill_database import Database
from mediamill_outbox import emit
from mediamill_runtime.telemetry import current_trace_id


async def hide_media(database: Database, media_id: UUID, *, user_id: str, actor: str) -> bool:
    """Mark a medium of `user_id` as deleted and announce it; return False when it was hidden already."""
    now = utc_now()
    async with database.write() as session:
        if not await media.hide(session, media_id, actor=actor, now=now):
            return False
        event = MediaDeleted(media_id=media_id, user_id=user_id, deleted_by=actor, deleted_at=now)
        line = Happening(media_id, event.wire_name, now, actor=actor, trace_id=current_trace_id())
        await timeline.record(session, line)
        await emit(session, event)
    return True


async def restore_media(database: Database, media_id: UUID, *, user_id: str, actor: str) -> bool:
    """Take the deletion mark away and announce it; return False when there was none."""
    now = utc_now()
    async with database.write() as session:
        if not await media.unhide(session, media_id, now=now):
            return False
        event = MediaRestored(media_id=media_id, user_id=user_id, restored_by=actor, restored_at=now)
        line = Happening(media_id, event.wire_name, now, actor=actor, trace_id=current_trace_id())
        await timeline.record(session, line)
        await emit(session, event)
    return True
