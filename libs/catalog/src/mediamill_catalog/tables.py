"""The control plane's tables: users, their media, jobs and calls, and what happened when.

Those of what operators decide are in `operator_tables.py`, those of conversations in `chat_tables.py`.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Column, Float, Index, false, text
from sqlmodel import Field, SQLModel

from mediamill_catalog.columns import enum_column, row_number
from mediamill_contracts.ids import new_id


def utc_now() -> datetime:
    """Return the present, aware of its zone."""
    return datetime.now(UTC)


class MediaStatus(StrEnum):
    """Where a medium is on its way; READY, FAILED and EXPIRED are final."""

    PENDING = "PENDING"
    UPLOADED = "UPLOADED"
    CONFIRMED = "CONFIRMED"
    PROCESSING = "PROCESSING"
    READY = "READY"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class JobStatus(StrEnum):
    """Where a job is; completed, failed and cancelled are final."""

    WAITING = "waiting"
    ACTIVE = "active"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Role(StrEnum):
    """What a user may do; each role may do all that the one before may."""

    USER = "user"
    ADMIN = "admin"
    SUPERADMIN = "superadmin"


class StorageStatus(StrEnum):
    """Where the bytes are."""

    LOCAL = "local"
    S3 = "s3"
    BOTH = "both"


class UploadMethod(StrEnum):
    """How the bytes came."""

    HTTP = "http"
    PRESIGNED = "presigned"
    GATEWAY = "gateway"


class SyncStatus(StrEnum):
    """Where a sync job is; all but waiting and active are final, until what failed is retried."""

    WAITING = "waiting"
    ACTIVE = "active"
    COMPLETED = "completed"
    PARTIAL_FAILED = "partial_failed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class SyncItemStatus(StrEnum):
    """What became of one medium in a sync job."""

    PENDING = "pending"
    COPIED = "copied"
    """On record where it should be; what was its source is being removed."""
    DONE = "done"
    FAILED = "failed"


class User(SQLModel, table=True):
    """A person with a password here; users of an outside identity provider have no row."""

    __tablename__ = "user_account"

    id: str = Field(default_factory=lambda: str(new_id()), primary_key=True, max_length=128)
    email: str = Field(unique=True, max_length=254)
    password_hash: str = Field(max_length=255)
    role: Role = Field(sa_column=enum_column(Role))
    created_at: datetime = Field(default_factory=utc_now)
    disabled_at: datetime | None = None


class SignInLimit(SQLModel, table=True):
    """How far somebody has used up their attempts to sign in; the name is a SHA-256 (hexadecimal)."""

    __tablename__ = "sign_in_limit"

    name: str = Field(primary_key=True, max_length=64)
    full_at: float = Field(sa_column=Column(Float(53), nullable=False))
    """When all attempts are back, in Unix seconds."""


class Media(SQLModel, table=True):
    """One picture or video as its owner sees it. Deletion is a mark of its own, beside the status."""

    __tablename__ = "media"
    __table_args__ = (
        Index("media_of_user", "user_id", "id"),
        Index("media_of_entity", "entity_type", "entity_id"),
        Index("media_by_status", "status", "id"),
        Index("media_by_original", "original_key", unique=True),
        Index(
            "media_in_trash",
            "deleted_at",
            sqlite_where=text("deleted_at IS NOT NULL"),
            postgresql_where=text("deleted_at IS NOT NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    user_id: str = Field(max_length=128)
    status: MediaStatus = Field(sa_column=enum_column(MediaStatus))
    storage_status: StorageStatus = Field(default=StorageStatus.LOCAL, sa_column=enum_column(StorageStatus))
    """Where the original and all variants are. A store is named once the bytes are there, and given up before
    they go: what the row claims can be fetched."""
    removing: str | None = Field(default=None, max_length=8)
    """Store that a run removes objects from at present: until it has ended, the row does not claim it."""
    given_up_at: datetime | None = None
    """When a store was given up last: a copy that was asked for before then does not count."""
    rekeyed_at: datetime | None = None
    """When objects got other keys last: a copy that was asked for before then does not count either."""
    storage_strategy: str = Field(
        default="local_only", max_length=16, sa_column_kwargs={"server_default": "local_only"}
    )
    """What admission decided from the settings of that time."""
    upload_method: UploadMethod = Field(
        default=UploadMethod.HTTP, sa_column=enum_column(UploadMethod, server_default=UploadMethod.HTTP.value)
    )
    multipart_id: str | None = Field(default=None, max_length=512)
    """S3's name of a multipart upload that is not completed."""
    kind: str = Field(max_length=16)
    lane: str = Field(default="interactive", max_length=16)
    entity_type: str = Field(default="general", max_length=64)
    entity_id: str | None = Field(default=None, max_length=255)
    file_name: str = Field(max_length=255)
    alt: str | None = Field(default=None, max_length=2_000)
    title: str | None = Field(default=None, max_length=255)
    media_type: str = Field(max_length=100)
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: str | None = Field(default=None, max_length=64)
    """Set once the bytes were read and hashed by this service itself."""
    original_key: str | None = Field(default=None, max_length=512)
    """Under `temp/` until admission, `permanent/` after it, `failed/` in quarantine."""
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    has_alpha: bool | None = None
    duration_ms: int | None = None
    """Of a video."""
    has_audio: bool | None = None
    thumbhash: str | None = Field(default=None, max_length=64)
    dominant_color: str | None = Field(default=None, max_length=7)
    failure_code: str | None = Field(default=None, max_length=64)
    failure_detail: str | None = Field(default=None, max_length=2_000)
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)
    ready_at: datetime | None = None
    deleted_at: datetime | None = None
    deleted_by: str | None = Field(default=None, max_length=128)
    purge_requested_at: datetime | None = None
    """Bytes and row go for good; while work is open, when it ends. Never taken back."""


class Variant(SQLModel, table=True):
    """One derived picture of a medium, as it is stored."""

    __tablename__ = "variant"

    media_id: UUID = Field(primary_key=True, foreign_key="media.id", ondelete="CASCADE")
    name: str = Field(primary_key=True, max_length=32)
    key: str = Field(max_length=512)
    media_type: str = Field(max_length=100)
    width: int
    height: int
    frames: int = 1
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: str = Field(max_length=64)
    watermarked: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    revision: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How often it was made again: from the first time on its address names the revision."""


class Job(SQLModel, table=True):
    """Work on one medium that somebody waits for."""

    __tablename__ = "job"
    __table_args__ = (
        Index("job_of_user", "user_id", "id"),
        Index("job_of_media", "media_id"),
        Index("job_by_status", "status", "finished_at"),
    )

    id: UUID = Field(primary_key=True)
    media_id: UUID = Field(foreign_key="media.id", ondelete="CASCADE")
    user_id: str = Field(max_length=128)
    type: str = Field(max_length=32)
    """Kind of medium that is worked on: `image` or `video`."""
    lane: str = Field(default="interactive", max_length=16)
    status: JobStatus = Field(default=JobStatus.WAITING, sa_column=enum_column(JobStatus))
    progress: int = 0
    attempts: int = 0
    error_code: str | None = Field(default=None, max_length=64)
    error_detail: str | None = Field(default=None, max_length=2_000)
    trace_id: str | None = Field(default=None, max_length=32)
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)
    finished_at: datetime | None = None


class MediaEvent(SQLModel, table=True):
    """One line of a medium's timeline."""

    __tablename__ = "media_event"
    __table_args__ = (Index("media_event_of_media", "media_id", "id"),)

    id: int | None = Field(default=None, sa_column=row_number())
    media_id: UUID = Field(foreign_key="media.id", ondelete="CASCADE")
    job_id: UUID | None = None
    name: str = Field(max_length=64)
    """Wire name of the event, as in `media.uploaded`."""
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    actor: str | None = Field(default=None, max_length=128)
    trace_id: str | None = Field(default=None, max_length=32)
    at: datetime = Field(default_factory=utc_now)


class IdempotencyKey(SQLModel, table=True):
    """The answer that was given to a write, to be given again to its repetition."""

    __tablename__ = "idempotency_key"

    user_id: str = Field(primary_key=True, max_length=128)
    key: str = Field(primary_key=True, max_length=255)
    fingerprint: str = Field(max_length=64)
    """SHA-256 over method, path and body, hexadecimal."""
    status_code: int
    answer: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(default_factory=utc_now, sa_column_kwargs={"index": True})


class AuditEvent(SQLModel, table=True):
    """What somebody did that cannot be undone or must be answered for. It outlives what it is about."""

    __tablename__ = "audit_event"
    __table_args__ = (Index("audit_event_of_media", "media_id"),)

    id: int | None = Field(default=None, sa_column=row_number())
    at: datetime = Field(default_factory=utc_now)
    actor: str = Field(max_length=128)
    action: str = Field(max_length=64)
    """As in `media.deleted`, `media.purge_requested`, `media.purged`."""
    media_id: UUID | None = None
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class Call(SQLModel, table=True):
    """A queued call to an upstream API; its statuses are those of jobs."""

    __tablename__ = "call"
    __table_args__ = (
        Index("call_of_user", "user_id", "id"),
        Index("call_by_status", "status", "finished_at"),
    )

    id: UUID = Field(primary_key=True)
    user_id: str = Field(max_length=128)
    type: str = Field(max_length=64)
    status: JobStatus = Field(default=JobStatus.WAITING, sa_column=enum_column(JobStatus))
    attempts: int = 0
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    result: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    error_code: str | None = Field(default=None, max_length=64)
    error_detail: str | None = Field(default=None, max_length=2_000)
    """Safe to show to the user."""
    trace_id: str | None = Field(default=None, max_length=32)
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)
    finished_at: datetime | None = None
