"""Transfers between stores as JSON: what is asked for, and how far it is."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from mediamill_catalog.listing import MediaFilter
from mediamill_catalog.sync_jobs import (
    SyncJobDetails,
)
from mediamill_catalog.tables import MediaStatus, StorageStatus, SyncStatus
from mediamill_contracts.media import EntityType
from mediamill_contracts.message import ShortText, UserId
from mediamill_contracts.recipe import Kind
from mediamill_contracts.sync import SyncOperation
from mediamill_web.schemas import Answer

_MAX_IDS = 10_000


class SyncFilter(Answer):
    """Media that fit all that is named; READY ones and not deleted, unless said otherwise."""

    model_config = ConfigDict(extra="forbid")

    user_id: UserId | None = None
    status: MediaStatus | None = None
    storage_status: StorageStatus | None = None
    kind: Kind | None = None
    entity_type: EntityType | None = None
    entity_id: ShortText | None = None
    deleted: bool = False

    def wanted(self) -> MediaFilter:
        """Return the catalog's filter."""
        return MediaFilter(**self.model_dump())


class SyncWish(Answer):
    """An operation on media, named one by one or by a filter."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"operation": "upload_to_s3", "filter": {"storageStatus": "local"}},
                {
                    "operation": "download_from_s3",
                    "mediaIds": ["01890a5d-ac96-774b-bcce-b302099a8057"],
                    "deleteSource": True,
                },
            ]
        },
    )

    operation: SyncOperation
    media_ids: Annotated[list[UUID], Field(min_length=1, max_length=_MAX_IDS)] | None = None
    filter: SyncFilter | None = None
    delete_source: bool | None = Field(
        default=None,
        description=(
            "Of copies: remove the source once the copy is on record (default: no). Of `hard_delete`: remove "
            "what is in S3, too, where it is here as well (default: `s3DeleteWithLocal`)."
        ),
    )

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        if (self.media_ids is None) == (self.filter is None):
            raise ValueError("name either mediaIds or a filter")
        if self.operation == "hard_delete" and self.filter is not None and not self.filter.model_fields_set:
            raise ValueError("hard_delete of everything: name media, or what they have in common")
        if self.delete_source is not None and self.operation in {"delete_s3", "delete_local"}:
            raise ValueError("deleteSource belongs to copies and to hard_delete")
        return self


class SyncJobView(Answer):
    """A transfer, or one batch of it. Files are objects: originals and variants."""

    id: UUID
    operation: SyncOperation
    delete_source: bool
    is_parent: bool
    parent_job_id: UUID | None = Field(validation_alias="parent_id")
    batch_index: int
    batch_size: int = Field(description="Media of a batch; batches of a parent.")
    status: SyncStatus
    total_files: int
    processed_files: int
    failed_files: int
    processed_bytes: int
    requested_by: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class SyncResultView(Answer):
    """What became of one file."""

    media_id: UUID
    key: str | None = Field(description="Null where it stands for all of a medium's files.")
    size_bytes: int
    status: Literal["done", "failed"]
    code: str | None
    detail: str | None
    at: datetime


class SyncJobDetailsView(SyncJobView):
    """A transfer with its batches and its newest results, at most 1,000."""

    child_jobs: list[SyncJobView]
    results: list[SyncResultView]


class SyncJobPage(Answer):
    """Transfers without their batches, newest first."""

    items: list[SyncJobView]
    next_cursor: UUID | None


def details_view(details: SyncJobDetails) -> SyncJobDetailsView:
    """Return a job as JSON shows it."""
    job = SyncJobView.model_validate(details.job)
    return SyncJobDetailsView(
        **dict(job),
        child_jobs=[SyncJobView.model_validate(child) for child in details.children],
        results=[SyncResultView.model_validate(result) for result in details.results],
    )
