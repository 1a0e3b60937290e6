"""Uploads that clients send to S3 themselves: a PENDING row is the promise, confirming makes it a medium."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Update, bindparam, desc, func, insert, null, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.audit import PURGED
from mediamill_catalog.core import AUDIT, MEDIA
from mediamill_catalog.tables import MediaStatus, StorageStatus, UploadMethod
from mediamill_contracts.ids import time_of

AWAITED = (MediaStatus.PENDING, MediaStatus.UPLOADED)
"""States in which the bytes may still come."""
_TURNS = 0x70726573
"""Space of the advisory locks, so that no other use of them meets these."""


_TAKE_TURN = select(func.pg_advisory_xact_lock(_TURNS, func.hashtext(bindparam("user_id"))))
_BEGUN = (
    union_all(
        select(MEDIA.c.id, MEDIA.c.created_at).where(
            MEDIA.c.user_id == bindparam("user_id"),
            MEDIA.c.id >= bindparam("first_id"),
            MEDIA.c.upload_method == UploadMethod.PRESIGNED,
            MEDIA.c.created_at > bindparam("since"),
        ),
        select(AUDIT.c.media_id, null()).where(
            AUDIT.c.media_id >= bindparam("first_id"),
            AUDIT.c.action == PURGED,
            AUDIT.c.actor == bindparam("user_id"),
            AUDIT.c.detail["uploadMethod"].as_string() == UploadMethod.PRESIGNED.value,
        ),
    )
    .order_by(desc("id"))
    .limit(bindparam("most"))
)
"""A user's newest uploads: those on record, and those that the user has had removed for good since."""
_BEGIN = insert(MEDIA).returning(MEDIA)
_FIND = select(MEDIA).where(
    MEDIA.c.id == bindparam("upload_id"),
    MEDIA.c.user_id == bindparam("owner_id"),
    MEDIA.c.upload_method == UploadMethod.PRESIGNED,
    MEDIA.c.purge_requested_at.is_(None),
)


async def take_turn(session: AsyncSession, user_id: str) -> None:
    """Let one transaction at a time begin an upload of this user's: what is counted stays so to its end.

    SQLite has one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(_TAKE_TURN, {"user_id": user_id})


async def wait_before_next(
    session: AsyncSession, user_id: str, *, most: int, window: timedelta, now: datetime
) -> timedelta | None:
    """Return how long until the user may begin another upload, None for now.

    At most `most` begin in any `window`. The ids of uploads begin with their time, so that the index of the
    user's media finds the recent ones.
    """
    since = now - window
    first_id = UUID(int=int(since.timestamp() * 1000) << 80)
    wanted = {"user_id": user_id, "first_id": first_id, "since": since, "most": most}
    begun = (await session.execute(_BEGUN, wanted)).all()
    if len(begun) < most:
        return None
    oldest: datetime = min(row.created_at or time_of(row.id) for row in begun)
    return oldest + window - now


async def begin(session: AsyncSession, row: Mapping[str, Any]) -> Row[Any]:
    """Insert a row made by `media.new_media` as an upload whose bytes are awaited in S3, and return it."""
    awaited = {
        **row,
        "status": MediaStatus.PENDING,
        "storage_status": StorageStatus.S3,
        "upload_method": UploadMethod.PRESIGNED,
    }
    begun: Row[Any] = (await session.execute(_BEGIN, awaited)).one()
    return begun


async def find(session: AsyncSession, upload_id: UUID, user_id: str) -> Row[Any] | None:
    """Return the row of a user's own upload, unless it is being removed; None for any other medium."""
    found = await session.execute(_FIND, {"upload_id": upload_id, "owner_id": user_id})
    return found.one_or_none()


async def name_multipart(session: AsyncSession, upload_id: UUID, multipart_id: str, *, now: datetime) -> bool:
    """Write down S3's name of an upload in parts, unless another one was written before."""
    return await _changed(
        session, _awaited(upload_id, now, multipart_id=multipart_id).where(MEDIA.c.multipart_id.is_(None))
    )


async def confirm(session: AsyncSession, upload_id: UUID, key: str, *, now: datetime) -> bool:
    """Move to CONFIRMED, with the bytes under `key`; return whether they were awaited.

    From then on admission treats it like any other upload.
    """
    return await _changed(
        session,
        _awaited(upload_id, now, status=MediaStatus.CONFIRMED, original_key=key, multipart_id=None),
    )


async def refuse(
    session: AsyncSession, upload_id: UUID, *, code: str, detail: str, quarantine_key: str, now: datetime
) -> bool:
    """Move to FAILED with the verdict on the bytes; return whether they were awaited."""
    return await _changed(
        session,
        _awaited(
            upload_id,
            now,
            status=MediaStatus.FAILED,
            failure_code=code,
            failure_detail=detail,
            original_key=quarantine_key,
            multipart_id=None,
        ),
    )


async def expire(session: AsyncSession, upload_id: UUID, *, now: datetime) -> bool:
    """Move to EXPIRED: the bytes never came, or nobody said so; return whether they were awaited."""
    return await _changed(session, _awaited(upload_id, now, status=MediaStatus.EXPIRED))


def _awaited(upload_id: UUID, now: datetime, **values: Any) -> Update:
    return (
        update(MEDIA)
        .where(
            MEDIA.c.id == upload_id,
            MEDIA.c.upload_method == UploadMethod.PRESIGNED,
            MEDIA.c.status.in_(AWAITED),
            MEDIA.c.purge_requested_at.is_(None),
        )
        .values(updated_at=now, **values)
    )


async def _changed(session: AsyncSession, statement: Update) -> bool:
    return (await session.execute(statement.returning(MEDIA.c.id))).first() is not None
