"""The answers of the HTTP API as types. Fields that a newer server adds are ignored."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel

JobStatus = Literal["waiting", "active", "retrying", "completed", "failed", "cancelled"]
FINISHED: frozenset[JobStatus] = frozenset({"completed", "failed", "cancelled"})


class Answer(BaseModel):
    """camelCase on the wire, snake_case in Python, immutable."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, frozen=True, extra="ignore")


class User(Answer):
    """Who is signed in; `email` is unknown for users of an outside identity provider."""

    id: str
    email: str | None
    role: str


class Identity(Answer):
    """The answer that names the caller."""

    user: User


class Session(Identity):
    """What a login gave. The token stays out of `repr`, so that it stays out of logs."""

    access_token: str = Field(repr=False)


class Accepted(Answer):
    """An upload that the server has durably taken over."""

    job_id: UUID
    media_id: UUID


class BulkAccepted(Accepted):
    """One file of a bulk upload that was taken over; `index` is its place in the request, from 0."""

    filename: str
    index: int


class BulkRejected(Answer):
    """One file of a bulk upload that was refused at once; `index` is its place in the request, from 0."""

    filename: str
    index: int
    code: str
    detail: str = ""


class BulkAnswer(Answer):
    """What became of each file of a bulk upload; names may repeat, places do not."""

    jobs: tuple[BulkAccepted, ...] = ()
    rejected: tuple[BulkRejected, ...] = ()


class Failure(Answer):
    """Why a job or medium failed; `detail` is a sentence that may be shown to a user."""

    code: str
    detail: str = ""


class Variant(Answer):
    """One derived picture; width and height in pixels, `url` as the server gave it."""

    name: str
    url: str
    media_type: str
    width: int
    height: int
    frames: int = 1
    size_bytes: int


class Media(Answer):
    """One picture or video as its owner sees it."""

    id: UUID
    user_id: str
    status: str
    storage_status: str
    kind: str
    file_name: str
    media_type: str
    size_bytes: int
    sha256: str | None = None
    entity_type: str
    entity_id: str | None = None
    alt: str | None = None
    title: str | None = None
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    has_audio: bool | None = None
    thumbhash: str | None = None
    dominant_color: str | None = None
    error: Failure | None = None
    created_at: datetime
    ready_at: datetime | None = None
    deleted_at: datetime | None = None
    variants: tuple[Variant, ...] = ()
    urls: dict[str, str] = Field(default_factory=dict)
    """Path of each variant, by its name."""


class Removal(Answer):
    """A medium that is being removed for good."""

    media_id: UUID


class Deletion(RootModel[Media | Removal]):
    """The answer to a deletion: a hidden medium, or one that will soon be gone."""


class Job(Answer):
    """Work on one medium. `progress` is in percent."""

    job_id: UUID
    media_id: UUID
    status: JobStatus
    progress: int = 0
    attempts: int = 0
    result: Media | None = None
    """The finished medium, once the job is completed."""
    error: Failure | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in FINISHED

    @property
    def succeeded(self) -> bool:
        """Whether the medium is ready."""
        return self.status == "completed"


class JobPage(Answer):
    """One page of a list; `next_cursor` is None on the last."""

    items: tuple[Job, ...]
    next_cursor: str | None = None


class MediaPage(Answer):
    """One page of a list; `next_cursor` is None on the last."""

    items: tuple[Media, ...]
    next_cursor: str | None = None


class TimelineEntry(Answer):
    """One thing that happened to a medium."""

    name: str
    at: datetime
    job_id: UUID | None = None
    actor: str | None = None
    trace_id: str | None = None
    detail: dict[str, Any] = Field(default_factory=dict)


class Timeline(Answer):
    """Everything that happened to a medium, oldest first."""

    items: tuple[TimelineEntry, ...]
