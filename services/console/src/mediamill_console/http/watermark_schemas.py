"""Watermarks on existing media as JSON: what is asked for, and how far it is."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from mediamill_catalog.listing import MediaFilter
from mediamill_catalog.settings import MarkSettings
from mediamill_catalog.tables import SyncItemStatus, SyncStatus
from mediamill_catalog.watermark_jobs import WatermarkJobDetails
from mediamill_contracts.mark import MarkStyle, MarkText, VariantName
from mediamill_contracts.media import EntityType
from mediamill_contracts.message import ShortText, UserId
from mediamill_web.schemas import Answer

_MAX_IDS = 10_000
_EXAMPLE_ID = "01890a5d-ac96-774b-bcce-b302099a8057"


class MarkedMediaFilter(Answer):
    """READY pictures that fit all that is named and are not deleted."""

    model_config = ConfigDict(extra="forbid")

    user_id: UserId | None = None
    entity_type: EntityType | None = None
    entity_id: ShortText | None = None

    def wanted(self) -> MediaFilter:
        """Return the catalog's filter."""
        return MediaFilter(**self.model_dump())


class _Chosen(Answer):
    """Media, named one by one or by a filter."""

    media_ids: Annotated[list[UUID], Field(min_length=1, max_length=_MAX_IDS)] | None = None
    filter: MarkedMediaFilter | None = None

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if (self.media_ids is None) == (self.filter is None):
            raise ValueError("name either mediaIds or a filter")
        return self


class MarkWish(_Chosen, MarkStyle):
    """A mark for variants of media; `image` is the id of a READY picture."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "filter": {"entityType": "listing"},
                    "text": "© Studio",
                    "position": "tiled",
                    "opacity": 0.2,
                },
                {"mediaIds": [_EXAMPLE_ID], "image": _EXAMPLE_ID, "scale": 0.2, "variants": ["large"]},
            ]
        },
    )

    text: MarkText | None = None
    image: UUID | None = None

    @model_validator(mode="after")
    def _is_text_or_image(self) -> Self:
        if (self.text is None) == (self.image is None):
            raise ValueError("a watermark is either a text or an image")
        return self

    def mark(self) -> MarkSettings:
        """Return the mark without the media."""
        style = {name: getattr(self, name) for name in MarkStyle.model_fields}
        return MarkSettings(text=self.text, image_id=self.image, **style)


class UnmarkWish(_Chosen):
    """Variants to make again without a mark; none named: those that are marked."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"filter": {"entityType": "listing"}}]}
    )

    variants: tuple[VariantName, ...] = Field(default=(), max_length=16)


class WatermarkItemView(Answer):
    """What became of one medium."""

    job_id: UUID = Field(validation_alias="id")
    media_id: UUID
    variants: list[str]
    status: SyncItemStatus
    code: str | None
    detail: str | None
    updated_at: datetime


class WatermarkJobView(Answer):
    """A watermark job with its newest children, at most 1,000. Counts are media."""

    id: UUID
    is_parent: bool = True
    removes: bool
    status: SyncStatus
    progress: int = Field(description="Percent.")
    total: int
    done: int
    failed: int
    requested_by: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    child_jobs: list[WatermarkItemView]


class WatermarkJobPage(Answer):
    """Watermark jobs without their children, newest first."""

    items: list[WatermarkJobView]
    next_cursor: UUID | None


def job_view(details: WatermarkJobDetails) -> WatermarkJobView:
    """Return a job as JSON shows it."""
    job = details.job
    return WatermarkJobView(
        id=job.id,
        removes=job.watermark is None,
        status=job.status,
        progress=100 * (job.done + job.failed) // max(1, job.total),
        total=job.total,
        done=job.done,
        failed=job.failed,
        requested_by=job.requested_by,
        created_at=job.created_at,
        updated_at=job.updated_at,
        finished_at=job.finished_at,
        child_jobs=[WatermarkItemView.model_validate(item) for item in details.items],
    )
