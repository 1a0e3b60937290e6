"""Hard deletion: the medium is hidden at once; its bytes and its row go as soon as no work is open on it."""

from uuid import UUID

from mediamill_catalog.purges import finish_purge, request_purge
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import utc_now
from mediamill_contracts.media import MediaDeleted
from mediamill_contracts.sync import MediaPurged
from mediamill_database import Database
from mediamill_ingest.repetition import RepeatableRequest, is_repetition
from mediamill_outbox import emit


async def purge_media(
    database: Database,
    media_id: UUID,
    *,
    actor: str,
    settings: PlatformSettings,
    request: RepeatableRequest | None = None,
) -> None:
    """Ask for the removal of a medium for good and announce that it is deleted; again: the same."""
    now = utc_now()
    async with database.write() as session:
        if await is_repetition(session, actor, request, now=now):
            return
        for row in await request_purge(session, [media_id], actor=actor, settings=settings, now=now):
            if row.deleted_at is None:
                await emit(
                    session,
                    MediaDeleted(media_id=row.id, user_id=row.user_id, deleted_by=actor, deleted_at=now),
                )


async def record_purged(database: Database, event: MediaPurged) -> None:
    """Let the record go after the objects; only the audit still knows of the medium."""
    async with database.write() as session:
        await finish_purge(session, event, now=utc_now())
