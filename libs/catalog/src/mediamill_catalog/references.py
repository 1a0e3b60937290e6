"""Which stored objects somebody still needs: what no row and no message names may be removed.

A gateway's bytes are staged before any row knows of them, so messages that announce uploads count too.
"""

import json
from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import MEDIA, SYNC_ITEMS, SYNC_JOBS, VARIANTS
from mediamill_catalog.tables import MediaStatus, SyncItemStatus
from mediamill_contracts.media import MediaUploaded
from mediamill_outbox.tables import dead_letter, embedded_delivery, outbox


async def staged_in_use(session: AsyncSession, keys: Collection[str]) -> set[str]:
    """Return those of the keys under `temp/` that a medium which has not expired, or a message, refers to.

    The session reads row by row.
    """
    found = await session.execute(
        select(MEDIA.c.original_key).where(
            MEDIA.c.original_key.in_(keys), MEDIA.c.status != MediaStatus.EXPIRED
        )
    )
    used = set(found.scalars())
    unclear = set(keys) - used
    return used | await announced(session, unclear) if unclear else used


async def announced(session: AsyncSession, keys: Collection[str]) -> set[str]:
    """Return those of the staged keys that a message in the database announces; the session as above."""
    wanted = set(keys)
    used: set[str] = set()
    for statement in _announcements():
        async for row in await session.stream(statement):
            used |= wanted & {_staged_key(row.payload)}
    return used


async def owners(session: AsyncSession, original_keys: Iterable[str]) -> dict[str, Row[Any]]:
    """Return the media whose original is under one of the keys, by that key."""
    found = await session.execute(select(MEDIA).where(MEDIA.c.original_key.in_(list(original_keys))))
    return {row.original_key: row for row in found}


async def variants_at(session: AsyncSession, keys: Collection[str]) -> set[str]:
    """Return those of the keys that hold some medium's variant. Reads all variants: ask for suspects only."""
    found = await session.execute(select(VARIANTS.c.key).where(VARIANTS.c.key.in_(keys)))
    return set(found.scalars())


async def in_transfer(session: AsyncSession, media_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the media that a sync job which has not ended still has to deal with."""
    found = await session.execute(
        select(SYNC_ITEMS.c.media_id)
        .join(SYNC_JOBS, SYNC_JOBS.c.id == SYNC_ITEMS.c.job_id)
        .where(
            SYNC_ITEMS.c.media_id.in_(media_ids),
            SYNC_ITEMS.c.status == SyncItemStatus.PENDING,
            SYNC_JOBS.c.finished_at.is_(None),
        )
    )
    return set(found.scalars())


def _announcements() -> list[Select[Any]]:
    name = MediaUploaded.wire_name
    return [
        select(outbox.c.payload).where(outbox.c.type == name),
        select(embedded_delivery.c.payload).where(embedded_delivery.c.type == name),
        select(dead_letter.c.payload).where(dead_letter.c.type == name, dead_letter.c.status == "open"),
    ]


def _staged_key(payload: bytes) -> str | None:
    """Return the key that an announcement names, also where it was given up for being malformed."""
    try:
        key = json.loads(payload)["staged"]["key"]
    except (ValueError, KeyError, TypeError):
        return None
    return key if isinstance(key, str) else None
