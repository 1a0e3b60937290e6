"""Finds out what arrived of a request whose answer was lost too long ago to ask for it again: by hashes.

Servers remember the keys of requests for a day or so. Whoever goes on later asks for the media themselves.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from mediamill_client.folder.files import FolderFile, seen
from mediamill_client.folder.journal import Request
from mediamill_client.folder.verdicts import Verdict
from mediamill_client.models import Media

if TYPE_CHECKING:
    from mediamill_client.api import MediamillClient

_CLOCKS_APART = timedelta(hours=1)
"""What this computer's clock and the server's may differ by."""
_PAGE = 100


async def arrived(
    client: "MediamillClient", request: Request, folder: Path, *, known: Collection[UUID]
) -> dict[int, Verdict]:
    """Return, by place, the files of the request that became media since it was sent.

    `known` are media that other files became. Raises MediamillError.
    """
    since = datetime.fromtimestamp(request.sent_at, UTC) - _CLOCKS_APART
    user = await client.me()
    candidates: defaultdict[str, list[Media]] = defaultdict(list)
    for medium in await _media_since(client, since):
        if medium.sha256 is not None and medium.user_id == user.id and medium.id not in known:
            candidates[medium.sha256].append(medium)
    found: dict[int, Verdict] = {}
    for place, file in enumerate(request.files):
        digest = await asyncio.to_thread(_sha256, folder, file)
        if digest is not None and candidates[digest]:
            medium = candidates[digest].pop()
            found[place] = Verdict("accepted", await _job_of(client, medium), medium.id)
    return found


async def _media_since(client: "MediamillClient", since: datetime) -> list[Media]:
    media: list[Media] = []
    cursor: str | None = None
    while True:
        page = await client.list_media(limit=_PAGE, cursor=cursor)
        media += [medium for medium in page.items if medium.created_at >= since]
        cursor = page.next_cursor
        if cursor is None or page.items[-1].created_at < since:
            return media


async def _job_of(client: "MediamillClient", medium: Media) -> UUID:
    """Return the job that the medium was uploaded by, which may be forgotten itself."""
    jobs = [entry.job_id for entry in await client.timeline(medium.id) if entry.job_id is not None]
    return jobs[0] if jobs else medium.id


def _sha256(folder: Path, file: FolderFile) -> str | None:
    """Return the hash of a file; None when it is gone or another one by now."""
    try:
        with (folder / file.name).open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        return digest if seen(folder, file.name) == file else None
    except OSError:
        return None
