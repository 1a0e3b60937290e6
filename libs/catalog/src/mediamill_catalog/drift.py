"""Media that are not in S3 although their strategy wants them there."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import MEDIA
from mediamill_catalog.placement import wanted_stores
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import MediaStatus, StorageStatus
from mediamill_contracts.recipe import StorageStrategy


def wanting_s3(platform: PlatformSettings) -> tuple[StorageStrategy, ...]:
    """Return the strategies whose media belong in S3, as things are now."""
    strategies: tuple[StorageStrategy, ...] = get_args(StorageStrategy)
    return tuple(each for each in strategies if "s3" in wanted_stores(each, platform))


async def lacking_s3(
    session: AsyncSession,
    strategies: Collection[StorageStrategy],
    *,
    before: datetime,
    count: int,
    after: UUID | None = None,
) -> Sequence[Row[Any]]:
    """Return a batch of READY media of these strategies that are local only, unchanged since `before`.

    Left out is what somebody deleted, and what has given a store up: that was somebody's decision.
    """
    conditions = [
        MEDIA.c.status == MediaStatus.READY,
        MEDIA.c.storage_status == StorageStatus.LOCAL,
        MEDIA.c.storage_strategy.in_(strategies),
        MEDIA.c.updated_at < before,
        MEDIA.c.given_up_at.is_(None),
        MEDIA.c.deleted_at.is_(None),
    ]
    if after is not None:
        conditions.append(MEDIA.c.id > after)
    statement = select(MEDIA).where(*conditions).order_by(MEDIA.c.id).limit(count)
    return (await session.execute(statement)).all()
