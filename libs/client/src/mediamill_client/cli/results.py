"""What is said of a job, to people and to programs: the same words in `upload`, `status` and `watch`."""

from typing import Any

from mediamill_client.api import MediamillClient
from mediamill_client.models import Failure, Job, Media


def job_text(client: MediamillClient, job: Job) -> str:
    """Return a sentence on a job; for a finished medium also a line for each variant, with its address."""
    if job.succeeded:
        return "\n".join([f"ready, medium {job.media_id}", *_variant_lines(client, job.result)])
    if job.error is not None:
        return f"{job.status}, {_reason(job.error)}"
    return job.status if job.finished else f"{job.status}, {job.progress} %"


def job_document(job: Job) -> dict[str, Any]:
    """Return a job as the JSON object that commands print."""
    return job.model_dump(mode="json", by_alias=True)


def media_text(client: MediamillClient, media: Media) -> str:
    """Return a sentence on a medium and a line for each variant, with its address."""
    size = f", {media.width} x {media.height}" if media.width else ""
    failure = f", {_reason(media.error)}" if media.error else ""
    deleted = ", deleted" if media.deleted_at else ""
    heading = f"{media.status}{failure}{deleted}, {media.media_type}{size}, {media.file_name}"
    return "\n".join([heading, *_variant_lines(client, media)])


def _variant_lines(client: MediamillClient, media: Media | None) -> list[str]:
    return [
        f"  {variant.name}: {variant.width} x {variant.height} {client.absolute(variant.url)}"
        for variant in (media.variants if media else ())
    ]


def _reason(failure: Failure) -> str:
    return f"{failure.detail or failure.code} ({failure.code})"
