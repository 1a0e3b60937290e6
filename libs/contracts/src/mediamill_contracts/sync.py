"""Moving objects between stores, and removing them for good."""

from typing import ClassVar, Literal, Self
from uuid import UUID

from pydantic import Field

from mediamill_contracts.ids import repeatable_id
from mediamill_contracts.media import ReasonCode
from mediamill_contracts.message import LongText, Message, Part, Timestamp, UserId
from mediamill_contracts.recipe import ObjectKey, ObjectRef, Store
from mediamill_contracts.storage import S3Location

SyncOperation = Literal["upload_to_s3", "download_from_s3", "delete_s3", "delete_local", "hard_delete"]
SyncStatus = Literal["completed", "partial_failed", "failed", "cancelled"]
SyncState = Literal["waiting", "active", "completed", "partial_failed", "failed", "cancelled"]
MAX_FILES = 200
"""Objects of one batch, so that a batch and the report on it stay far below the limit of a message."""


class SyncItem(Part):
    """One medium's objects within a batch."""

    media_id: UUID
    objects: tuple[ObjectRef, ...] = Field(min_length=1, max_length=32)
    """To be copied: where they are now. To be removed: where they shall go from, for `hard_delete` with `s3`
    meaning both stores."""
    claimed: bool = False
    """The record has it that the copies are there already: they are looked at before anything is sent."""


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
    requested_at: Timestamp
    """When this run was sent out: a copy does not count for a medium that has given up the store since."""
    operation: SyncOperation
    delete_source: bool = False
    """Once the copies are on record, the sender asks for the source's removal; the worker only copies."""
    items: tuple[SyncItem, ...] = Field(min_length=1, max_length=MAX_FILES)
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
    requested_at: Timestamp
    operation: SyncOperation
    delete_source: bool = False
    status: SyncStatus
    processed_files: int = Field(ge=0)
    processed_bytes: int = Field(ge=0)
    done: tuple[UUID, ...] = Field(default=(), max_length=MAX_FILES)
    """Media of which every object made it."""
    failures: tuple[SyncFailure, ...] = Field(default=(), max_length=MAX_FILES)
    """At least one for each medium that failed; a medium in neither list was not reached."""
    s3: S3Location | None = None
    """Where S3 was for this run."""

    @classmethod
    def of(
        cls,
        request: RequestSync,
        *,
        status: SyncStatus,
        processed_files: int = 0,
        processed_bytes: int = 0,
        done: tuple[UUID, ...] = (),
        failures: tuple[SyncFailure, ...] = (),
    ) -> Self:
        """Return the report on the run that was requested."""
        return cls(
            sync_job_id=request.sync_job_id,
            parent_job_id=request.parent_job_id,
            run=request.run,
            requested_at=request.requested_at,
            operation=request.operation,
            delete_source=request.delete_source,
            status=status,
            processed_files=processed_files,
            processed_bytes=processed_bytes,
            done=done,
            failures=failures,
            s3=request.s3,
        )

    def message_id(self) -> UUID:
        """Return one id for each run of a batch job."""
        return repeatable_id(self.sync_job_id, f"{self.wire_name}:{self.run}")


class SyncRun(Part):
    """One send-out of one batch job."""

    sync_job_id: UUID
    run: int = Field(ge=0)


class SyncCancelled(Message):
    """Workers stop these runs, and drop them when they come; each still answers with what it has done."""

    wire_name: ClassVar[str] = "sync.cancelled"

    runs: tuple[SyncRun, ...] = Field(min_length=1, max_length=1_000)


class SyncUpdated(Message):
    """What the record says of a job that somebody asked for, whenever one of its batches ended."""

    wire_name: ClassVar[str] = "sync.updated"

    sync_job_id: UUID
    operation: SyncOperation
    status: SyncState
    total_files: int = Field(ge=0)
    processed_files: int = Field(ge=0)
    failed_files: int = Field(ge=0)
    processed_bytes: int = Field(ge=0)


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
