"""What the API answers, in camelCase: the shapes that its description promises."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from mediamill_web.schemas import Answer


class UploadAccepted(Answer):
    """The bytes are safe and will be processed."""

    success: bool
    status: Literal["processing"]
    job_id: UUID
    media_id: UUID
    message: str


class BulkJob(Answer):
    """One accepted file of a bulk upload; `index` is its place in the request, from 0."""

    job_id: UUID
    media_id: UUID
    filename: str
    index: int


class BulkRejection(Answer):
    """One refused file of a bulk upload; `index` is its place in the request, from 0."""

    filename: str
    index: int
    code: str
    detail: str


class BulkAccepted(Answer):
    """Each file with its own verdict; names may repeat, places do not."""

    jobs: list[BulkJob]
    rejected: list[BulkRejection]


class VariantView(Answer):
    """A picture to show; width and height in pixels."""

    name: str
    url: str
    media_type: str
    width: int
    height: int
    frames: int
    size_bytes: int
    watermarked: bool


class FailureView(Answer):
    """Why something ended badly."""

    code: str
    detail: str


class MediaView(Answer):
    """A medium as its owner sees it."""

    id: UUID
    user_id: str
    status: str
    storage_status: str
    kind: str
    entity_type: str
    entity_id: str | None
    file_name: str
    alt: str | None
    title: str | None
    media_type: str
    size_bytes: int
    sha256: str | None
    width: int | None
    height: int | None
    frames: int | None
    has_alpha: bool | None
    duration_ms: int | None
    has_audio: bool | None
    thumbhash: str | None
    dominant_color: str | None
    error: FailureView | None
    urls: dict[str, str]
    variants: list[VariantView]
    watermarked: bool = Field(description="Whether any variant carries a watermark.")
    created_at: datetime
    updated_at: datetime
    ready_at: datetime | None
    deleted_at: datetime | None


class RemovalAccepted(Answer):
    """The medium is hidden and will be gone for good."""

    success: Literal[True] = True
    status: Literal["purging"] = "purging"
    media_id: UUID
    message: str = "The medium is hidden now and is being removed for good."


class MediaPage(Answer):
    """Some media, newest first; `nextCursor` asks for the following ones."""

    items: list[MediaView]
    next_cursor: UUID | None


class JobView(Answer):
    """A job: `status` is waiting, active, retrying, completed, failed or cancelled; progress in percent."""

    job_id: UUID
    media_id: UUID
    type: str
    status: str
    progress: int
    attempts: int
    result: MediaView | None
    error: FailureView | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class JobPage(Answer):
    """Some jobs, newest first."""

    items: list[JobView]
    next_cursor: UUID | None


class TimelineEntry(Answer):
    """One thing that happened."""

    name: str
    at: datetime
    job_id: UUID | None
    detail: dict[str, Any]
    actor: str | None
    trace_id: str | None


class Timeline(Answer):
    """Everything that happened to a medium, oldest first."""

    items: list[TimelineEntry]


class PhotoStatus(Answer):
    """The state of one medium, for a page that waits for it."""

    media_id: UUID
    status: str
    progress: int
    urls: dict[str, str]
    error: FailureView | None


class UserView(Answer):
    """Who is signed in; `email` is unknown here for users of an outside identity provider."""

    id: str
    email: str | None
    role: str


class SignedIn(Answer):
    """A new session."""

    user: UserView
    access_token: str


class Me(Answer):
    """The present session."""

    user: UserView


class CallFailure(Answer):
    """Why a call has not worked so far, in words for its user; `code` only when it ended."""

    code: str | None
    detail: str


class CallAccepted(Answer):
    """A queued call."""

    success: bool = True
    job_id: UUID


class CallView(Answer):
    """A queued call; `result` once it is completed, `error` once it is retried or failed."""

    job_id: UUID
    type: str
    status: str
    attempts: int
    result: dict[str, Any] | None
    error: CallFailure | None
    created_at: datetime
    finished_at: datetime | None


class CallPage(Answer):
    """Some queued calls, newest first."""

    items: list[CallView]
    next_cursor: UUID | None


class QueueStats(Answer):
    """How many jobs have each status, by queue, by type, and all together."""

    queues: dict[str, dict[str, int]]
    types: dict[str, dict[str, int]]
    statuses: dict[str, int]
