"""Whether anything depends on where S3 is now."""

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import media
from mediamill_catalog.core import MEDIA, SYNC_JOBS
from mediamill_catalog.tables import MediaStatus, StorageStatus, SyncStatus

_IN_S3 = (StorageStatus.S3, StorageStatus.BOTH)
_OPEN_SYNCS = (SyncStatus.WAITING, SyncStatus.ACTIVE)


async def is_s3_in_use(session: AsyncSession) -> bool:
    """Return whether media are in S3, or on their way there by an upload or a transfer.

    An upload that expired, or whose refused bytes were removed, has nothing there that anybody looks for.
    """
    in_s3 = and_(
        MEDIA.c.storage_status.in_(_IN_S3),
        MEDIA.c.original_key.is_not(None),
        MEDIA.c.status != MediaStatus.EXPIRED,
    )
    on_the_way = MEDIA.c.status.in_(media.OPEN) & (MEDIA.c.storage_strategy != "local_only")
    statements = (
        select(MEDIA.c.id).where(or_(in_s3, on_the_way)),
        select(SYNC_JOBS.c.id).where(SYNC_JOBS.c.status.in_(_OPEN_SYNCS)),
    )
    for statement in statements:
        if (await session.execute(statement.limit(1))).first() is not None:
            return True
    return False
