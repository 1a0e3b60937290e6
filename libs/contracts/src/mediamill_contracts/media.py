"""What happens to one medium, from the upload to the last word on it."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from mediamill_contracts.ids import repeatable_id
from mediamill_contracts.message import LongText, Message, Part, Sha256, ShortText, Timestamp, UserId
from mediamill_contracts.recipe import (
    Kind,
    Lane,
    MediaType,
    ObjectKey,
    ObjectRef,
    PictureFacts,
    ProducedVariant,
    Recipe,
    Store,
    VideoFacts,
)

EntityType = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
ReasonCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Stage = Literal["started", "decoded", "encoded", "stored", "retrying"]


class StagedObject(Part):
    """Where whoever received the bytes put them, under `temp/`."""

    store: Store = "local"
    key: ObjectKey
    size_bytes: int = Field(ge=0)
    sha256: Sha256 | None = None
    """What the sender computed; admission computes its own and compares."""


class JobMessage(Message):
    """A message about one job of one medium."""

    media_id: UUID
    job_id: UUID
    user_id: UserId


class JobResult(JobMessage):
    """A message that a re-run of the same job repeats under the same id."""

    def message_id(self) -> UUID:
        """Return the same id for the same job and message."""
        return repeatable_id(self.job_id, self.wire_name)


class MediaUploaded(JobResult):
    """Bytes are staged and wait for admission. Published by ingest and by gateways."""

    wire_name: ClassVar[str] = "media.uploaded"

    staged: StagedObject
    file_name: ShortText
    declared_type: MediaType | None = None
    entity_type: EntityType = "general"
    entity_id: ShortText | None = None
    alt: LongText | None = None
    title: ShortText | None = None
    lane: Lane = "interactive"
    uploaded_at: Timestamp

    @property
    def routing_key(self) -> str:
        """Bulk uploads have a queue of their own; under the plain name they are admitted too."""
        return self.wire_name if self.lane == "interactive" else f"{self.wire_name}.{self.lane}"


class MediaAccepted(JobResult):
    """Admission found the bytes to be what was declared; a worker may process them."""

    wire_name: ClassVar[str] = "media.accepted"

    kind: Kind
    lane: Lane = "interactive"
    entity_type: EntityType = "general"
    source: ObjectRef
    variant_prefix: ObjectKey
    """Variants are stored under `{variant_prefix}_{variant}.{ext}`."""
    recipe: Recipe

    @property
    def routing_key(self) -> str:
        """Kind and lane choose the queue."""
        return f"{self.wire_name}.{self.kind}.{self.lane}"


class MediaRejected(JobResult):
    """The verdict on the bytes: not acceptable, and why. The bytes are in quarantine.

    Under the code `cancelled` a worker says that it has put a cancelled job aside: the bytes are where they
    were.
    """

    wire_name: ClassVar[str] = "media.rejected"

    code: ReasonCode
    detail: LongText
    quarantine_key: ObjectKey | None = None
    quarantine_store: Store = "local"


class MediaProgressed(JobMessage):
    """How far a job is, in percent."""

    wire_name: ClassVar[str] = "media.progressed"

    progress: int = Field(ge=0, le=100)
    stage: Stage
    attempt: int = Field(default=1, ge=1)

    def message_id(self) -> UUID:
        """Return one id for each step of each attempt."""
        return repeatable_id(self.job_id, f"{self.wire_name}:{self.attempt}:{self.stage}")


class MediaProcessed(JobResult):
    """A worker stored all variants."""

    wire_name: ClassVar[str] = "media.processed"

    source: ObjectRef
    facts: PictureFacts
    """Of a video: its size as shown, and what its poster tells."""
    video: VideoFacts | None = None
    variants: tuple[ProducedVariant, ...]
    duration_ms: int = Field(ge=0)
    attempt: int = Field(default=1, ge=1)
    stored_in: tuple[Store, ...] = Field(default=("local",), min_length=1)
    """Stores that hold the original and every variant; less than the recipe's when S3 was out of reach."""


class MediaReady(JobResult):
    """The record says READY and the variants can be fetched: what clients are told."""

    wire_name: ClassVar[str] = "media.ready"

    entity_type: EntityType
    entity_id: ShortText | None = None
    width: int
    height: int
    thumbhash: str
    urls: dict[str, str]
    """Path of each variant, by variant name."""


class MediaFailed(JobResult):
    """The record says FAILED, for good: what clients are told."""

    wire_name: ClassVar[str] = "media.failed"

    code: ReasonCode
    detail: LongText
    """Safe to show to the user."""


class MediaDeleted(Message):
    """A medium was hidden from its owner; it can be restored until its retention ends."""

    wire_name: ClassVar[str] = "media.deleted"

    media_id: UUID
    user_id: UserId
    deleted_by: UserId
    deleted_at: Timestamp


class MediaRestored(Message):
    """A hidden medium is back."""

    wire_name: ClassVar[str] = "media.restored"

    media_id: UUID
    user_id: UserId
    restored_by: UserId
    restored_at: Timestamp
