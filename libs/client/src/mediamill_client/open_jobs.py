"""Which of a user's jobs have not ended: a few requests, however many jobs somebody waits for."""

from typing import TYPE_CHECKING
from uuid import UUID

from mediamill_client.models import JobStatus

if TYPE_CHECKING:
    from mediamill_client.api import MediamillClient

UNFINISHED: tuple[JobStatus, ...] = ("waiting", "active", "retrying")
_PAGE = 100


async def unfinished_jobs(client: "MediamillClient") -> list[UUID]:
    """Return the unfinished jobs of who is signed in, each once though it may move on meanwhile.

    One that moves while it is looked for may be missed.
    """
    user = await client.me()
    found: dict[UUID, None] = {}
    for status in UNFINISHED:
        page = await client.jobs_of_user(user.id, status=status, limit=_PAGE)
        found.update((job.job_id, None) for job in page.items)
        while page.next_cursor is not None:
            page = await client.jobs_of_user(user.id, status=status, limit=_PAGE, cursor=page.next_cursor)
            found.update((job.job_id, None) for job in page.items)
    return list(found)
