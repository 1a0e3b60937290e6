"""Promises a place in S3 for a file that its owner sends there without passing through us."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import media, presigned, timeline
from mediamill_catalog.idempotency import RepeatableRequest, answered_before
from mediamill_catalog.tables import utc_now
from mediamill_catalog.timeline import Happening
from mediamill_contracts.ids import new_id
from mediamill_database import Database
from mediamill_ingest.metrics import count_initiated
from mediamill_ingest.registration import kind_of
from mediamill_ingest.upload_errors import UploadExpiredError
from mediamill_runtime.telemetry import current_trace_id
from mediamill_storage.keys import EXTENSIONS, staged_key

INITIATED = "upload.initiated"
"""Name of the first line in the timeline of such an upload."""


@dataclass(frozen=True)
class UploadPace:
    """How many uploads a user may begin in how long, counted over all replicas."""

    most: int = 10
    window: timedelta = timedelta(minutes=1)


class TooManyUploadsError(Exception):
    """The user has begun as many uploads as are allowed; `retry_after` says for how long."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__(f"try again in {retry_after}")
        self.retry_after = retry_after


@dataclass(frozen=True)
class WantedUpload:
    """What somebody is going to send; type and size were found acceptable."""

    user_id: str
    file_name: str
    media_type: str
    size_bytes: int
    entity_type: str = "general"
    entity_id: str | None = None
    alt: str | None = None
    title: str | None = None


async def initiate_upload(
    database: Database, pace: UploadPace, wanted: WantedUpload, request: RepeatableRequest | None = None
) -> Row[Any]:
    """Return the PENDING row of a new upload, or of the one that the same request made before.

    Raises TooManyUploadsError, IdempotencyConflictError when the key was used for another request, and
    UploadExpiredError when the upload that it made is gone.
    """
    upload_id = new_id()
    async with database.write() as session:
        answer = {"uploadId": str(upload_id)}
        earlier = await answered_before(
            session, request, user_id=wanted.user_id, status_code=201, answer=answer, now=utc_now()
        )
        if earlier is not None:
            return await _earlier(session, UUID(earlier["uploadId"]), wanted.user_id)
        await presigned.take_turn(session, wanted.user_id)
        wait = await presigned.wait_before_next(
            session, wanted.user_id, most=pace.most, window=pace.window, now=utc_now()
        )
        if wait is not None:
            raise TooManyUploadsError(wait)
        row = await presigned.begin(session, _row(wanted, upload_id))
        await timeline.record(session, _first_line(wanted, upload_id))
    count_initiated(wanted.media_type)
    return row


async def _earlier(session: AsyncSession, upload_id: UUID, user_id: str) -> Row[Any]:
    row = await presigned.find(session, upload_id, user_id)
    if row is None:
        raise UploadExpiredError
    return row


def _row(wanted: WantedUpload, upload_id: UUID) -> dict[str, Any]:
    return media.new_media(
        media_id=upload_id,
        user_id=wanted.user_id,
        kind=kind_of(wanted.media_type),
        lane="interactive",
        file_name=wanted.file_name,
        media_type=wanted.media_type,
        size_bytes=wanted.size_bytes,
        sha256=None,
        original_key=staged_key(wanted.user_id, upload_id, EXTENSIONS[wanted.media_type]),
        entity_type=wanted.entity_type,
        entity_id=wanted.entity_id,
        alt=wanted.alt,
        title=wanted.title,
        now=utc_now(),
    )


def _first_line(wanted: WantedUpload, upload_id: UUID) -> Happening:
    return Happening(
        upload_id,
        INITIATED,
        utc_now(),
        detail={"fileName": wanted.file_name, "sizeBytes": wanted.size_bytes},
        actor=wanted.user_id,
        trace_id=current_trace_id(),
    )
