"""What is asked and answered about uploads that clients send to S3 themselves."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from mediamill_ingest.http.schemas import MediaView
from mediamill_ingest.http.upload_fields import UploadFields
from mediamill_web.schemas import Answer

PartNumber = Annotated[int, Field(ge=1, le=10_000)]


class InitiateUpload(Answer, UploadFields):
    """A file that somebody is going to send; its size in bytes and its type hold exactly."""

    file_name: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    mime_type: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    file_size: int = Field(ge=0)


class PartUrl(Answer):
    """Where to PUT one part, of exactly `size` bytes."""

    part_number: int
    url: str
    size: int


class Multipart(Answer):
    """How to send a large file: part `n` begins at byte `(n - 1) * partSize`."""

    part_size: int
    part_count: int
    parts: list[PartUrl]
    """The first ones; ask for the others by number."""


class UploadInitiated(Answer):
    """Where to send the file, and for how many seconds that holds."""

    upload_id: UUID
    method: Literal["PUT"] = "PUT"
    presigned_url: str | None
    """None for a file that is sent in parts."""
    headers: dict[str, str]
    """To be sent exactly so; browsers add `Content-Length` themselves."""
    multipart: Multipart | None
    """None for a file that is sent whole."""
    expires_in: int
    s3_key: str


class SignParts(Answer):
    """Parts to be sent next, or again."""

    part_numbers: list[PartNumber] = Field(min_length=1, max_length=100)


class PartsSigned(Answer):
    """Where to send them, and for how many seconds that holds."""

    parts: list[PartUrl]
    expires_in: int


class ArrivedPart(Answer):
    """A part that S3 has."""

    part_number: int
    etag: str
    size: int


class UploadState(Answer):
    """How far an upload is: what a client needs to take it up again."""

    upload_id: UUID
    status: str
    file_name: str
    mime_type: str
    file_size: int
    s3_key: str | None
    part_size: int | None
    part_count: int | None
    arrived_parts: list[ArrivedPart]
    created_at: datetime
    expires_at: datetime
    """Until then it can be confirmed."""


class NamedPart(Answer):
    """A part as the client knows it."""

    part_number: PartNumber
    etag: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class ConfirmUpload(Answer):
    """The file is sent. Naming its parts is not needed; named ones are compared with what S3 has."""

    upload_id: UUID
    parts: list[NamedPart] = Field(default_factory=list, max_length=10_000)


class UploadConfirmed(MediaView):
    """The medium, and the job that processes it."""

    job_id: UUID
