"""The control plane's tables: media, their variants and jobs, users, settings, and what happened when."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Column, Enum, Index, Integer
from sqlmodel import Field, SQLModel

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


def _enum(kind: type[StrEnum], **options: Any) -> Column[Any]:
    values = Enum(kind, native_enum=False, length=16, values_callable=lambda k: [m.value for m in k])
    return Column(values, nullable=False, **options)


class User(SQLModel, table=True):
    """A person with a password here; users of an outside identity provider have no row."""

    __tablename__ = "user_account"

    id: str = Field(default_factory=lambda: str(new_id()), primary_key=True, max_length=128)
    email: str = Field(unique=True, max_length=254)
    password_hash: str = Field(max_length=255)
    role: Role = Field(sa_column=_enum(Role))
    created_at: datetime = Field(default_factory=utc_now)
    disabled_at: datetime | None = None


class Media(SQLModel, table=True):
    """One picture or video as its owner sees it. Deletion is a mark of its own, beside the status."""

    __tablename__ = "media"
    __table_args__ = (
        Index("media_of_user", "user_id", "id"),
        Index("media_of_entity", "entity_type", "entity_id"),
        Index("media_by_status", "status", "id"),
        Index("media_by_original", "original_key", unique=True),
    )

    id: UUID = Field(primary_key=True)
    user_id: str = Field(max_length=128)
    status: MediaStatus = Field(sa_column=_enum(MediaStatus))
    storage_status: StorageStatus = Field(default=StorageStatus.LOCAL, sa_column=_enum(StorageStatus))
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
    thumbhash: str | None = Field(default=None, max_length=64)
    dominant_color: str | None = Field(default=None, max_length=7)
    failure_code: str | None = Field(default=None, max_length=64)
    failure_detail: str | None = Field(default=None, max_length=2_000)
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)
    ready_at: datetime | None = None
    deleted_at: datetime | None = None
    deleted_by: str | None = Field(default=None, max_length=128)


class Variant(SQLModel, table=True):
    """One derived picture of a medium, as it is stored."""

    __tablename__ = "variant"

    media_id: UUID = Field(primary_key=True, foreign_key="media.id", ondelete="CASCADE")
    name: str = Field(primary_key=True, max_length=32)
    store: str = Field(default="local", max_length=8)
    key: str = Field(max_length=512)
    media_type: str = Field(max_length=100)
    width: int
    height: int
    frames: int = 1
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: str = Field(max_length=64)


class Job(SQLModel, table=True):
    """Work on one medium that somebody waits for."""

    __tablename__ = "job"
    __table_args__ = (
        Index("job_of_user", "user_id", "id"),
        Index("job_of_media", "media_id"),
        Index("job_by_status", "status", "lane"),
    )

    id: UUID = Field(primary_key=True)
    media_id: UUID = Field(foreign_key="media.id", ondelete="CASCADE")
    user_id: str = Field(max_length=128)
    type: str = Field(max_length=32)
    """What is done: `image`, later also `video`, `watermark`."""
    lane: str = Field(default="interactive", max_length=16)
    status: JobStatus = Field(default=JobStatus.WAITING, sa_column=_enum(JobStatus))
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

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    media_id: UUID = Field(foreign_key="media.id", ondelete="CASCADE")
    job_id: UUID | None = None
    name: str = Field(max_length=64)
    """Wire name of the event, as in `media.uploaded`."""
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    actor: str | None = Field(default=None, max_length=128)
    trace_id: str | None = Field(default=None, max_length=32)
    at: datetime = Field(default_factory=utc_now)


class Setting(SQLModel, table=True):
    """One operator-made setting that replaces a default."""

    __tablename__ = "setting"

    key: str = Field(primary_key=True, max_length=128)
    value: Any = Field(sa_column=Column(JSON, nullable=False))
    updated_by: str = Field(max_length=128)
    updated_at: datetime = Field(default_factory=utc_now)


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
