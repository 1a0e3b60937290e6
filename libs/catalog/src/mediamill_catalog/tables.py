"""The control plane's tables: media, their variants and jobs, users, settings, and what happened when."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Column, Enum, Index, Integer, false, text
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


def _row_number() -> Column[Any]:
    return Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


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
        Index(
            "media_in_trash",
            "deleted_at",
            sqlite_where=text("deleted_at IS NOT NULL"),
            postgresql_where=text("deleted_at IS NOT NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    user_id: str = Field(max_length=128)
    status: MediaStatus = Field(sa_column=_enum(MediaStatus))
    storage_status: StorageStatus = Field(default=StorageStatus.LOCAL, sa_column=_enum(StorageStatus))
    """Where the original and all variants are. A store is named once the bytes are there, and given up before
    they go: what the row claims can be fetched."""
    removing: str | None = Field(default=None, max_length=8)
    """Store that a run removes objects from at present: until it has ended, the row does not claim it."""
    given_up_at: datetime | None = None
    """When a store was given up last: a copy that was asked for before then does not count."""
    storage_strategy: str = Field(
        default="local_only", max_length=16, sa_column_kwargs={"server_default": "local_only"}
    )
    """What admission decided from the settings of that time."""
    upload_method: UploadMethod = Field(
        default=UploadMethod.HTTP, sa_column=_enum(UploadMethod, server_default=UploadMethod.HTTP.value)
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
        Index("job_by_status", "status", "lane"),
    )

    id: UUID = Field(primary_key=True)
    media_id: UUID = Field(foreign_key="media.id", ondelete="CASCADE")
    user_id: str = Field(max_length=128)
    type: str = Field(max_length=32)
    """Kind of medium that is worked on: `image` or `video`."""
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

    id: int | None = Field(default=None, sa_column=_row_number())
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


class SettingChange(SQLModel, table=True):
    """Who changed a setting when, and from what to what. The newest id is the revision of all settings."""

    __tablename__ = "setting_change"
    __table_args__ = (Index("setting_change_of_key", "key", "id"),)

    id: int | None = Field(default=None, sa_column=_row_number())
    key: str = Field(max_length=128)
    old_value: Any = Field(default=None, sa_column=Column(JSON, nullable=True))
    new_value: Any = Field(default=None, sa_column=Column(JSON, nullable=True))
    changed_by: str = Field(max_length=128)
    changed_at: datetime = Field(default_factory=utc_now)


class AuditEvent(SQLModel, table=True):
    """What somebody did that cannot be undone or must be answered for. It outlives what it is about."""

    __tablename__ = "audit_event"
    __table_args__ = (Index("audit_event_of_media", "media_id"),)

    id: int | None = Field(default=None, sa_column=_row_number())
    at: datetime = Field(default_factory=utc_now)
    actor: str = Field(max_length=128)
    action: str = Field(max_length=64)
    """As in `media.deleted`, `media.purge_requested`, `media.purged`."""
    media_id: UUID | None = None
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class SyncJob(SQLModel, table=True):
    """A transfer that an operator asked for: a batch, or the parent of batches. Files are objects."""

    __tablename__ = "sync_job"
    __table_args__ = (Index("sync_job_of_parent", "parent_id", "batch_index"),)

    id: UUID = Field(primary_key=True)
    parent_id: UUID | None = Field(default=None, foreign_key="sync_job.id", ondelete="CASCADE")
    is_parent: bool = False
    operation: str = Field(max_length=24)
    delete_source: bool = False
    status: SyncStatus = Field(default=SyncStatus.WAITING, sa_column=_enum(SyncStatus))
    batch_index: int = 0
    batch_size: int = 0
    """Media in a batch; in a parent, batches."""
    run: int = 0
    sent_at: datetime | None = None
    """When the present run was sent out; None while it waits for its turn."""
    location: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    """Where S3 was when the job was asked for."""
    total_files: int = 0
    processed_files: int = 0
    failed_files: int = 0
    processed_bytes: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    requested_by: str = Field(max_length=128)
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)
    finished_at: datetime | None = None


class SyncItem(SQLModel, table=True):
    """One medium in one batch, and what became of each of its objects."""

    __tablename__ = "sync_item"

    job_id: UUID = Field(primary_key=True, foreign_key="sync_job.id", ondelete="CASCADE")
    media_id: UUID = Field(primary_key=True)
    files: int
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    done_files: int = 0
    done_bytes: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    status: SyncItemStatus = Field(default=SyncItemStatus.PENDING, sa_column=_enum(SyncItemStatus))
    code: str | None = Field(default=None, max_length=64)
    detail: str | None = Field(default=None, max_length=2_000)
    objects: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """`key` and `sizeBytes` of each object; `code` and `detail` too when it failed."""
    updated_at: datetime = Field(default_factory=utc_now)


class WatermarkJob(SQLModel, table=True):
    """What an operator asked for: a mark on variants of many media, or no mark on them any more."""

    __tablename__ = "watermark_job"

    id: UUID = Field(primary_key=True)
    watermark: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    """The mark as workers get it; None takes marks off."""
    status: SyncStatus = Field(default=SyncStatus.ACTIVE, sa_column=_enum(SyncStatus))
    total: int = 0
    done: int = 0
    failed: int = 0
    requested_by: str = Field(max_length=128)
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)
    finished_at: datetime | None = None


class WatermarkItem(SQLModel, table=True):
    """One medium of a watermark job: a job of its own. A medium has at most one that is pending."""

    __tablename__ = "watermark_item"
    __table_args__ = (
        Index("watermark_item_of_parent", "parent_id", "status"),
        Index(
            "watermark_item_pending",
            "media_id",
            unique=True,
            postgresql_where=text("status = 'pending'"),
            sqlite_where=text("status = 'pending'"),
        ),
    )

    id: UUID = Field(primary_key=True)
    """Of the order that is out: one that has to be given again gets another."""
    parent_id: UUID = Field(foreign_key="watermark_job.id", ondelete="CASCADE")
    media_id: UUID
    variants: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Names of the variants to make again."""
    status: SyncItemStatus = Field(default=SyncItemStatus.PENDING, sa_column=_enum(SyncItemStatus))
    code: str | None = Field(default=None, max_length=64)
    detail: str | None = Field(default=None, max_length=2_000)
    updated_at: datetime = Field(default_factory=utc_now)


class Schedule(SQLModel, table=True):
    """A periodic duty; whoever holds the claim runs it, so that among replicas one does."""

    __tablename__ = "schedule"

    name: str = Field(primary_key=True, max_length=64)
    due_at: datetime | None = None
    claimed_by: str | None = Field(default=None, max_length=128)
    claimed_until: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    report: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """What the last run did."""
    state: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """What the duty has to know of its earlier runs."""


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
    status: JobStatus = Field(default=JobStatus.WAITING, sa_column=_enum(JobStatus))
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
