"""Rows for the tests of the catalog."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from mediamill_catalog import jobs, media, timeline
from mediamill_catalog.core import VARIANTS
from mediamill_catalog.jobs import new_job
from mediamill_catalog.media import new_media
from mediamill_catalog.tables import MediaStatus
from mediamill_catalog.timeline import Happening
from mediamill_contracts.ids import new_id
from mediamill_database import Database

NOW = datetime(2026, 5, 17, 12, 30, tzinfo=UTC)


async def add_medium(database: Database, *, variants: Sequence[str] = (), **columns: Any) -> UUID:
    """Add a READY medium with a job, a line in its timeline and variants; `columns` replace values."""
    media_id = new_id()
    row = new_media(
        media_id=media_id,
        user_id="anna",
        kind="image",
        lane="interactive",
        file_name="cat.jpg",
        media_type="image/jpeg",
        size_bytes=5,
        sha256="0" * 64,
        original_key=f"permanent/2026/05/unlinked/{media_id.hex}.jpg",
        entity_type="general",
        entity_id=None,
        alt=None,
        title=None,
        now=NOW,
    )
    job = new_job(
        job_id=new_id(),
        media_id=media_id,
        user_id="anna",
        kind="image",
        lane="interactive",
        trace_id=None,
        now=NOW,
    )
    async with database.write() as session:
        await media.add(session, [row | {"status": MediaStatus.READY} | columns])
        await jobs.add(session, [job])
        await timeline.record(session, Happening(media_id, "media.uploaded", NOW))
        if variants:
            await session.execute(insert(VARIANTS), [_variant(media_id, name) for name in variants])
    return media_id


def _variant(media_id: UUID, name: str) -> dict[str, Any]:
    return {
        "media_id": media_id,
        "name": name,
        "key": f"permanent/2026/05/unlinked/{media_id.hex}_{name}.webp",
        "media_type": "image/webp",
        "width": 40,
        "height": 30,
        "frames": 1,
        "size_bytes": 6,
        "sha256": "1" * 64,
    }
