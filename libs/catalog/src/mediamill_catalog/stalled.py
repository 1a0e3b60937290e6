"""Media that were to go on and of which nothing was heard: their message may be lost, and is sent again.

A message is lost when a broker's disk is, or when the database went back to a moment whose messages were
handled long ago. Nothing else is: what waits is in the outbox, in a queue, or among the dead letters.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, union, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import jobs, media, timeline
from mediamill_catalog.core import JOBS, MEDIA
from mediamill_catalog.tables import JobStatus, MediaStatus
from mediamill_catalog.timeline import Happening
from mediamill_contracts.media import MediaAccepted, MediaUploaded
from mediamill_contracts.recipe import Lane
from mediamill_messaging.envelope import seal
from mediamill_outbox.emit import enqueue_all
from mediamill_outbox.tables import dead_letter, embedded_delivery, outbox

RESUMED = "media.resumed"
"""Name of the line that it leaves in the timeline."""
_AWAITED = (MediaStatus.CONFIRMED, MediaStatus.PROCESSING)
_BEGUN = (JobStatus.ACTIVE, JobStatus.RETRYING, JobStatus.COMPLETED)


@dataclass(frozen=True)
class Silent:
    """A medium whose job is open, the job, and when anything was heard of either."""

    medium: Row[Any]
    job_id: UUID
    begun_at: datetime
    heard_at: datetime


async def silent_since(
    session: AsyncSession, before: datetime, *, limit: int, after: UUID | None = None
) -> Sequence[Silent]:
    """Return a batch of media on their way that were silent since `before`, beginning after an id."""
    conditions = [
        MEDIA.c.status.in_(_AWAITED),
        MEDIA.c.original_key.is_not(None),
        MEDIA.c.updated_at < before,
        JOBS.c.status.in_(jobs.OPEN),
        JOBS.c.updated_at < before,
    ]
    if after is not None:
        conditions.append(MEDIA.c.id > after)
    statement = (
        select(
            MEDIA,
            JOBS.c.id.label("job_id"),
            JOBS.c.created_at.label("job_begun_at"),
            JOBS.c.updated_at.label("job_heard_at"),
        )
        .join(JOBS, JOBS.c.media_id == MEDIA.c.id)
        .where(*conditions)
        .order_by(MEDIA.c.id, JOBS.c.id)
        .limit(limit)
    )
    newest = {row.id: row for row in await session.execute(statement)}
    return [
        Silent(row, row.job_id, row.job_begun_at, max(row.updated_at, row.job_heard_at))
        for row in newest.values()
    ]


async def known_messages(session: AsyncSession, event_ids: Collection[str]) -> set[str]:
    """Return those of the events that the database itself holds: still to be sent, or given up."""
    held = union(
        select(outbox.c.event_id).where(outbox.c.event_id.in_(event_ids)),
        select(embedded_delivery.c.event_id).where(embedded_delivery.c.event_id.in_(event_ids)),
        select(dead_letter.c.event_id).where(
            dead_letter.c.event_id.in_(event_ids), dead_letter.c.status == "open"
        ),
    )
    return set((await session.execute(held)).scalars())


async def newest_begun(session: AsyncSession, *, lane: Lane, kind: str | None = None) -> datetime | None:
    """Return when the youngest job was made that anybody has begun to work on; of all kinds unless given.

    Queues keep their order: what was put into the same one before then does not wait there any more.
    """
    conditions = [JOBS.c.lane == lane, JOBS.c.status.in_(_BEGUN)]
    if kind is not None:
        conditions.append(JOBS.c.type == kind)
    found = await session.execute(select(func.max(JOBS.c.created_at)).where(*conditions))
    newest: datetime | None = found.scalar_one()
    return newest


async def resume(
    session: AsyncSession,
    messages: Mapping[UUID, MediaUploaded | MediaAccepted],
    keys: Mapping[UUID, str],
    *,
    before: datetime,
    now: datetime,
    actor: str,
) -> list[UUID]:
    """Send messages again, by media, for those that nothing was heard of since `before` even now.

    `keys` are those that the originals had when the messages were written. Return the media that it was done
    for: their jobs count as heard of now, so that nobody does it again before their time.
    """
    found = await media.lock_open(session, messages)
    same = [media_id for media_id, row in found.items() if row.original_key == keys[media_id]]
    silent = await session.execute(
        select(JOBS.c.id, JOBS.c.media_id)
        .where(
            JOBS.c.id.in_([messages[media_id].job_id for media_id in same]),
            JOBS.c.status.in_(jobs.OPEN),
            JOBS.c.updated_at < before,
        )
        .order_by(JOBS.c.id)
        .with_for_update()
    )
    going = {row.media_id: row.id for row in silent}
    if not going:
        return []
    await session.execute(update(JOBS).where(JOBS.c.id.in_(going.values())).values(updated_at=now))
    resumed = [messages[media_id] for media_id in going]
    orders = [message for message in resumed if isinstance(message, MediaAccepted)]
    if orders:
        await media.admit(session, orders, now=now)
    await timeline.record(session, *(_line(message, now, actor) for message in resumed))
    await enqueue_all(session, [seal(message) for message in resumed])
    return list(going)


def _line(message: MediaUploaded | MediaAccepted, now: datetime, actor: str) -> Happening:
    return Happening(
        message.media_id,
        RESUMED,
        now,
        job_id=message.job_id,
        detail={"message": message.wire_name},
        actor=actor,
    )
