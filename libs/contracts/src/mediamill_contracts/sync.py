"""Moving objects between stores, and removing them for good."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from mediamill_contracts.ids import repeatable_id
from mediamill_contracts.media import ReasonCode
from mediamill_contracts.message import LongText, Message, Part, UserId
from mediamill_contracts.recipe import ObjectKey, ObjectRef, Store

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
    """Carry out one operation on one batch of media."""

    wire_name: ClassVar[str] = "sync.requested"

    sync_job_id: UUID
    parent_job_id: UUID | None = None
    batch_index: int = Field(default=0, ge=0)
    operation: SyncOperation
    delete_source: bool = False
    items: tuple[SyncItem, ...] = Field(min_length=1, max_length=200)
    requested_by: UserId

    def message_id(self) -> UUID:
        """Return one id for each batch job."""
        return repeatable_id(self.sync_job_id, self.wire_name)


class SyncProgressed(Message):
    """Counts of one batch so far."""

    wire_name: ClassVar[str] = "sync.progressed"

    sync_job_id: UUID
    parent_job_id: UUID | None = None
    processed_files: int = Field(ge=0)
    failed_files: int = Field(ge=0)
    processed_bytes: int = Field(ge=0)


class SyncCompleted(Message):
    """One batch has ended; the failures name what is left to retry."""

    wire_name: ClassVar[str] = "sync.completed"

    sync_job_id: UUID
    parent_job_id: UUID | None = None
    operation: SyncOperation
    status: SyncStatus
    processed_files: int = Field(ge=0)
    processed_bytes: int = Field(ge=0)
    failures: tuple[SyncFailure, ...] = ()

    def message_id(self) -> UUID:
        """Return one id for each batch job."""
        return repeatable_id(self.sync_job_id, self.wire_name)


class RequestPurge(Message):
    """Remove a medium's objects for good."""

    wire_name: ClassVar[str] = "purge.requested"

    media_id: UUID
    user_id: UserId
    keys: tuple[ObjectKey, ...]
    stores: tuple[Store, ...] = ("local",)
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
