"""Rows of the catalog for tests: a medium, its variants and its job, where only some values matter.

Keyword arguments replace columns, so that a test says what it is about and nothing else.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from mediamill_catalog.jobs import new_job
from mediamill_catalog.media import new_media
from mediamill_catalog.tables import MediaStatus
from mediamill_contracts.ids import new_id

USER = "anna"


def medium_row(media_id: UUID, *, now: datetime, **columns: Any) -> dict[str, Any]:
    """Return a READY picture of 1,000 bytes that is anna's and in local storage alone."""
    row = new_media(
        media_id=media_id,
        user_id=USER,
        kind="image",
        lane="interactive",
        file_name="cat.jpg",
        media_type="image/jpeg",
        size_bytes=1_000,
        sha256="a" * 64,
        original_key=f"permanent/2026/05/unlinked/{media_id.hex}.jpg",
        entity_type="general",
        entity_id=None,
        alt=None,
        title=None,
        now=now,
    )
    return row | {"status": MediaStatus.READY} | columns


def variant_row(media_id: UUID, name: str, **columns: Any) -> dict[str, Any]:
    """Return a variant of 100 bytes."""
    row = {
        "media_id": media_id,
        "name": name,
        "key": f"permanent/2026/05/unlinked/{media_id.hex}_{name}.webp",
        "media_type": "image/webp",
        "width": 40,
        "height": 30,
        "frames": 1,
        "size_bytes": 100,
        "sha256": "b" * 64,
    }
    return row | columns


def job_row(media_id: UUID, *, now: datetime, **columns: Any) -> dict[str, Any]:
    """Return a job on a medium that waits."""
    row = new_job(
        job_id=new_id(),
        media_id=media_id,
        user_id=USER,
        kind="image",
        lane="interactive",
        trace_id=None,
        now=now,
    )
    return row | columns
