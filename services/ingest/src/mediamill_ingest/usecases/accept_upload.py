"""Makes a finished upload durable: after this transaction a crash can delay it, never lose it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mediamill_catalog import idempotency
from mediamill_catalog.tables import utc_now
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaUploaded, StagedObject
from mediamill_contracts.recipe import Lane
from mediamill_database.database import Database
from mediamill_ingest.registration import register
from mediamill_outbox import emit


@dataclass(frozen=True)
class StagedUpload:
    """Bytes that were received whole, hashed, recognised and stored under `temp/`."""

    media_id: UUID
    user_id: str
    key: str
    size_bytes: int
    sha256: str
    media_type: str
    """What the bytes are, not what the sender called them."""
    file_name: str
    entity_type: str = "general"
    entity_id: str | None = None
    alt: str | None = None
    title: str | None = None
    lane: Lane = "interactive"


@dataclass(frozen=True)
class RepeatableRequest:
    """An `Idempotency-Key` and a SHA-256 (hexadecimal) over what was asked with it."""

    key: str
    fingerprint: str


@dataclass(frozen=True)
class AcceptedUpload:
    """Where to ask about the upload; `repeated` when an earlier request with the same key made it."""

    media_id: UUID
    job_id: UUID
    repeated: bool = False
    """The bytes staged for this request belong to nobody: the caller removes them."""


async def accept_upload(
    database: Database, upload: StagedUpload, request: RepeatableRequest | None = None
) -> AcceptedUpload:
    """Commit medium, job, timeline, idempotency key and `media.uploaded` in one transaction.

    Raises IdempotencyConflictError when the key was used for another request.
    """
    job_id = new_id()
    now = utc_now()
    async with database.write() as session:
        if request is not None:
            earlier = await idempotency.claim(
                session,
                user_id=upload.user_id,
                key=request.key,
                fingerprint=request.fingerprint,
                status_code=202,
                answer={"mediaId": str(upload.media_id), "jobId": str(job_id)},
                now=now,
            )
            if earlier is not None:
                return AcceptedUpload(UUID(earlier["mediaId"]), UUID(earlier["jobId"]), repeated=True)
        event = _announcement(upload, job_id, now)
        await register(session, event, media_type=upload.media_type, sha256=upload.sha256)
        await emit(session, event)
    return AcceptedUpload(upload.media_id, job_id)


def _announcement(upload: StagedUpload, job_id: UUID, now: datetime) -> MediaUploaded:
    return MediaUploaded(
        media_id=upload.media_id,
        job_id=job_id,
        user_id=upload.user_id,
        staged=StagedObject(key=upload.key, size_bytes=upload.size_bytes, sha256=upload.sha256),
        file_name=upload.file_name,
        declared_type=upload.media_type,
        entity_type=upload.entity_type,
        entity_id=upload.entity_id,
        alt=upload.alt,
        title=upload.title,
        lane=upload.lane,
        uploaded_at=now,
    )
