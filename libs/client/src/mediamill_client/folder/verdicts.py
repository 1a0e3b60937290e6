"""What became of one file of a folder."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from mediamill_client.models import Job, Media

Status = Literal["accepted", "ready", "refused"]


@dataclass(frozen=True)
class Verdict:
    """`accepted` and not known to have ended, `ready`, or `refused`, at once or when it was processed."""

    status: Status
    job_id: UUID | None = None
    media_id: UUID | None = None
    code: str | None = None
    detail: str | None = None
    """Why it was refused: `code` to compare, `detail` to read."""


def verdict_of_job(job: Job) -> Verdict:
    """Return the verdict that a finished job is."""
    if job.succeeded:
        return Verdict("ready", job.job_id, job.media_id)
    code = job.error.code if job.error else job.status
    detail = job.error.detail if job.error else ""
    return Verdict("refused", job.job_id, job.media_id, code, detail)


def verdict_of_media(accepted: Verdict, media: Media) -> Verdict:
    """Return the verdict that a medium is whose job is forgotten already."""
    if media.status == "READY":
        return Verdict("ready", accepted.job_id, media.id)
    code = media.error.code if media.error else media.status.lower()
    detail = media.error.detail if media.error else ""
    return Verdict("refused", accepted.job_id, media.id, code, detail)
