"""The messages that move a medium's job on, written from its row: at first, and again where one was lost.

Their ids follow from the job, so that a repetition is recognised.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from mediamill_contracts.media import MediaAccepted, MediaUploaded, StagedObject
from mediamill_contracts.recipe import ObjectRef, Recipe, Store

UNKNOWN_TYPE = "application/octet-stream"
"""Media type of bytes that nobody has looked at yet."""


def uploaded_medium(medium: Row[Any], job_id: UUID, *, store: Store, uploaded_at: datetime) -> MediaUploaded:
    """Return the announcement of staged bytes, as far as the row remembers what their sender said."""
    return MediaUploaded(
        media_id=medium.id,
        job_id=job_id,
        user_id=medium.user_id,
        staged=StagedObject(
            store=store, key=medium.original_key, size_bytes=medium.size_bytes, sha256=medium.sha256
        ),
        file_name=medium.file_name,
        declared_type=None if medium.media_type == UNKNOWN_TYPE else medium.media_type,
        entity_type=medium.entity_type,
        entity_id=medium.entity_id,
        alt=medium.alt,
        title=medium.title,
        lane=medium.lane,
        uploaded_at=uploaded_at,
    )


def accepted_medium(
    medium: Row[Any], job_id: UUID, *, store: Store, original_key: str, recipe: Recipe
) -> MediaAccepted:
    """Return the order to process a medium whose original is in `store` under its permanent key."""
    return MediaAccepted(
        media_id=medium.id,
        job_id=job_id,
        user_id=medium.user_id,
        kind=medium.kind,
        lane=medium.lane,
        entity_type=medium.entity_type,
        source=ObjectRef(
            store=store,
            key=original_key,
            size_bytes=medium.size_bytes,
            sha256=medium.sha256,
            media_type=medium.media_type,
        ),
        variant_prefix=original_key.rpartition(".")[0],
        recipe=recipe,
    )
