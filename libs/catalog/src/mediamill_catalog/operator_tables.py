"""Tables of what operators decide and ask for: settings with their history, transfers, watermarks, duties."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Column, Index, text
from sqlmodel import Field, SQLModel

from mediamill_catalog.columns import enum_column, row_number
from mediamill_catalog.tables import SyncItemStatus, SyncStatus, utc_now


class Setting(SQLModel, table=True):
    """One operator-made setting that replaces a default."""

    __tablename__ = "setting"

    key: str = Field(primary_key=True, max_length=128)
    value: Any = Field(sa_column=Column(JSON, nullable=False))
    updated_by: str = Field(max_length=128)
    updated_at: datetime = Field(default_factory=utc_now)


class SettingChange(SQLModel, table=True):
    """Who changed a setting when, and from what to what. The newest id is the revision of all settings."""

    __tablename__ = "setting_change"
    __table_args__ = (Index("setting_change_of_key", "key", "id"),)

    id: int | None = Field(default=None, sa_column=row_number())
    key: str = Field(max_length=128)
    old_value: Any = Field(default=None, sa_column=Column(JSON, nullable=True))
    new_value: Any = Field(default=None, sa_column=Column(JSON, nullable=True))
    changed_by: str = Field(max_length=128)
    changed_at: datetime = Field(default_factory=utc_now)


class SyncJob(SQLModel, table=True):
    """A transfer that an operator asked for: a batch, or the parent of batches. Files are objects."""

    __tablename__ = "sync_job"
    __table_args__ = (Index("sync_job_of_parent", "parent_id", "batch_index"),)

    id: UUID = Field(primary_key=True)
    parent_id: UUID | None = Field(default=None, foreign_key="sync_job.id", ondelete="CASCADE")
    is_parent: bool = False
    operation: str = Field(max_length=24)
    delete_source: bool = False
    status: SyncStatus = Field(default=SyncStatus.WAITING, sa_column=enum_column(SyncStatus))
    batch_index: int = 0
    batch_size: int = 0
    """Media in a batch; in a parent, batches."""
    run: int = 0
    sent_at: datetime | None = None
    """When the present run was sent out; None while it waits for its turn."""
    location: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    """Where S3 was when the job was asked for, or retried."""
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
    status: SyncItemStatus = Field(default=SyncItemStatus.PENDING, sa_column=enum_column(SyncItemStatus))
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
    status: SyncStatus = Field(default=SyncStatus.ACTIVE, sa_column=enum_column(SyncStatus))
    total: int = 0
    """Media; until all are planned, those that fitted the filter at the beginning."""
    planned: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Media that have items."""
    selection: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSON(none_as_null=True), nullable=True)
    )
    """Media that have none yet, as `watermark_selection` keeps them."""
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
    status: SyncItemStatus = Field(default=SyncItemStatus.PENDING, sa_column=enum_column(SyncItemStatus))
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
