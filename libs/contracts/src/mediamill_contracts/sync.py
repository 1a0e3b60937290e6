"""Moving objects between stores, and removing them for good."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from mediamill_contracts.ids import repeatable_id
from mediamill_contracts.media import ReasonCode
from mediamill_contracts.message import LongText, Message, Part, UserId
from mediamill_contracts.recipe import ObjectKey, ObjectRef, Store
from mediamill_contracts.storage import S3Location

SyncOperation = Literal["upload_to_s3", "download_from_s3", "delete_s3", "delete_local", "hard_delete"]
SyncStatus = Literal["completed", "partial_failed", "failed", "cancelled"]


class SyncItem(Part):
    """One medium's objects within a batch."""

    media_id: UUID
    objects: tuple[ObjectRef, ...] = Field(min_length=1, max_length=32)


class SyncFailure(Part):
    """An object that did not make it, and why."""

    media_id: UUID
    key: ObjectKey
    code: ReasonCode
    detail: LongText


class RequestSync(Message):
    """Carry out one operation on one batch of media. A file is one object: an original or a variant."""

    wire_name: ClassVar[str] = "sync.requested"

    sync_job_id: UUID
    parent_job_id: UUID | None = None
    batch_index: int = Field(default=0, ge=0)
    run: int = Field(default=0, ge=0)
    """Counts the times that the same batch job was sent out: each retry is another run."""
    operation: SyncOperation
    delete_source: bool = False
    """The sender removes the source once the copies are on record; the worker only copies."""
    items: tuple[SyncItem, ...] = Field(min_length=1, max_length=200)
    s3: S3Location | None = None
    requested_by: UserId

    def message_id(self) -> UUID:
        """Return one id for each run of a batch job."""
        return repeatable_id(self.sync_job_id, f"{self.wire_name}:{self.run}")


class SyncProgressed(Message):
    """Counts of one batch so far."""

    wire_name: ClassVar[str] = "sync.progressed"

    sync_job_id: UUID
    parent_job_id: UUID | None = None
    run: int = Field(default=0, ge=0)
    processed_files: int = Field(ge=0)
    failed_files: int = Field(ge=0)
    processed_bytes: int = Field(ge=0)


class SyncCompleted(Message):
    """One run of a batch has ended: what is done, and what is left to retry."""

    wire_name: ClassVar[str] = "sync.completed"

    sync_job_id: UUID
    parent_job_id: UUID | None = None
    run: int = Field(default=0, ge=0)
    operation: SyncOperation
    status: SyncStatus
    processed_files: int = Field(ge=0)
    processed_bytes: int = Field(ge=0)
    done: tuple[UUID, ...] = Field(default=(), max_length=200)
    """Media of which every object made it."""
    failures: tuple[SyncFailure, ...] = ()

    def message_id(self) -> UUID:
        """Return one id for each run of a batch job."""
        return repeatable_id(self.sync_job_id, f"{self.wire_name}:{self.run}")


class RequestPurge(Message):
    """Remove objects for good: all of a medium's, or copies that it no longer claims."""

    wire_name: ClassVar[str] = "purge.requested"

    media_id: UUID
    user_id: UserId
    keys: tuple[ObjectKey, ...] = Field(max_length=64)
    stores: tuple[Store, ...] = ("local",)
    final: bool = True
    """The medium itself goes: `media.purged` is answered and its row removed. False: only these copies go."""
    s3: S3Location | None = None
    requested_by: UserId


class MediaPurged(Message):
    """A medium's objects are gone."""

    wire_name: ClassVar[str] = "media.purged"

    media_id: UUID
    user_id: UserId
    removed_keys: tuple[ObjectKey, ...] = ()

    def message_id(self) -> UUID:
        """Return one id: a medium is purged once."""
        return repeatable_id(self.media_id, self.wire_name)
