"""What is said of a job, to people and to programs: the same words in `upload`, `status` and `watch`."""

from typing import Any

from mediamill_client.api import MediamillClient
from mediamill_client.models import Job, Media


def job_line(job: Job) -> str:
    """Return one sentence on a job."""
    if job.status == "completed":
        return f"ready, medium {job.media_id}"
    if job.error is not None:
        return f"{job.status}, {job.error.detail or job.error.code} ({job.error.code})"
    return f"{job.status}, {job.progress} %" if not job.finished else job.status


def job_document(job: Job) -> dict[str, Any]:
    """Return a job as the JSON object that commands print."""
    return job.model_dump(mode="json", by_alias=True)


def media_lines(client: MediamillClient, media: Media) -> list[str]:
    """Return a heading for a medium and one line for each variant, with its address."""
    size = f", {media.width} x {media.height}" if media.width else ""
    deleted = ", deleted" if media.deleted_at else ""
    heading = f"{media.status}{deleted}, {media.media_type}{size}, {media.file_name}"
    return [heading] + [
        f"  {variant.name}: {variant.width} x {variant.height} {client.absolute(variant.url)}"
        for variant in media.variants
    ]
