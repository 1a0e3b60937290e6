"""Rows for the tests of the catalog."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from mediamill_catalog import jobs, media, timeline
from mediamill_catalog.core import VARIANTS
from mediamill_catalog.timeline import Happening
from mediamill_contracts.ids import new_id
from mediamill_database import Database
from mediamill_testing.rows import job_row, medium_row, variant_row

NOW = datetime(2026, 5, 17, 12, 30, tzinfo=UTC)


async def add_medium(database: Database, *, variants: Sequence[str] = (), **columns: Any) -> UUID:
    """Add a READY medium with a job, a line in its timeline and variants; `columns` replace values."""
    media_id = new_id()
    async with database.write() as session:
        await media.add(session, [medium_row(media_id, now=NOW, **columns)])
        await jobs.add(session, [job_row(media_id, now=NOW)])
        await timeline.record(session, Happening(media_id, "media.uploaded", NOW))
        if variants:
            await session.execute(insert(VARIANTS), [variant_row(media_id, name) for name in variants])
    return media_id
