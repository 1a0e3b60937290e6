"""Media in messages: which may be attached, which are, and who may see them for that."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import ATTACHMENTS, CHAT_MESSAGES, MEDIA, MEMBERS
from mediamill_catalog.tables import MediaStatus

Reason = Literal["not_found", "not_ready", "deleted", "attached_already"]


@dataclass(frozen=True)
class Unusable:
    """A medium that cannot be attached, and why; what is another user's is `not_found`."""

    media_id: UUID
    reason: Reason


async def judge(session: AsyncSession, media_ids: Collection[UUID], *, sender_id: str) -> list[Unusable]:
    """Return those that the sender cannot attach; the others stay as they are until the transaction ends."""
    found = await session.execute(
        select(MEDIA.c.id, MEDIA.c.user_id, MEDIA.c.status, MEDIA.c.deleted_at)
        .where(MEDIA.c.id.in_(media_ids))
        .order_by(MEDIA.c.id)
        .with_for_update(key_share=True)
    )
    rows: dict[UUID, Any] = {row.id: row for row in found}
    taken = await session.execute(select(ATTACHMENTS.c.media_id).where(ATTACHMENTS.c.media_id.in_(rows)))
    attached = set(taken.scalars())
    verdicts = [
        (media_id, _reason(rows.get(media_id), sender_id, attached=media_id in attached))
        for media_id in media_ids
    ]
    return [Unusable(media_id, reason) for media_id, reason in verdicts if reason is not None]


async def attach(session: AsyncSession, message_id: UUID, media_ids: Sequence[UUID]) -> None:
    """Attach media that `judge` had no objection to, in this order."""
    rows = [
        {"media_id": media_id, "message_id": message_id, "position": position}
        for position, media_id in enumerate(media_ids)
    ]
    if rows:
        await session.execute(insert(ATTACHMENTS), rows)


async def detach(session: AsyncSession, message_id: UUID) -> list[UUID]:
    """Free the message's attachments and return their ids.

    Media are locked before what says where they are attached, here as by whoever moves them.
    """
    attached = select(ATTACHMENTS.c.media_id).where(ATTACHMENTS.c.message_id == message_id)
    await session.execute(
        select(MEDIA.c.id)
        .where(MEDIA.c.id.in_(attached))
        .order_by(MEDIA.c.id)
        .with_for_update(key_share=True)
    )
    gone = await session.execute(
        delete(ATTACHMENTS).where(ATTACHMENTS.c.message_id == message_id).returning(ATTACHMENTS.c.media_id)
    )
    return sorted(gone.scalars())


async def find(session: AsyncSession, media_id: UUID) -> Row[Any] | None:
    """Return where a medium is attached: `message_id`, `position` and `relocation_run`."""
    return (
        await session.execute(select(ATTACHMENTS).where(ATTACHMENTS.c.media_id == media_id))
    ).one_or_none()


async def note_relocation(session: AsyncSession, media_id: UUID, run: int | None) -> None:
    """Write which run copies an attached medium to its message's folder now; None: none any more."""
    await session.execute(
        update(ATTACHMENTS).where(ATTACHMENTS.c.media_id == media_id).values(relocation_run=run)
    )


async def of_messages(session: AsyncSession, message_ids: Collection[UUID]) -> dict[UUID, list[Row[Any]]]:
    """Return the media of each message in their order, without those in the trash."""
    found = await session.execute(
        select(ATTACHMENTS.c.message_id, MEDIA)
        .join(MEDIA, MEDIA.c.id == ATTACHMENTS.c.media_id)
        .where(ATTACHMENTS.c.message_id.in_(message_ids), MEDIA.c.deleted_at.is_(None))
        .order_by(ATTACHMENTS.c.message_id, ATTACHMENTS.c.position)
    )
    attached: dict[UUID, list[Row[Any]]] = {}
    for row in found:
        attached.setdefault(row.message_id, []).append(row)
    return attached


async def is_shown_to(session: AsyncSession, media_id: UUID, user_id: str) -> bool:
    """Return whether the medium is attached to a message in a conversation of this user."""
    found = await session.execute(
        select(ATTACHMENTS.c.media_id)
        .join(CHAT_MESSAGES, CHAT_MESSAGES.c.id == ATTACHMENTS.c.message_id)
        .join(MEMBERS, MEMBERS.c.conversation_id == CHAT_MESSAGES.c.conversation_id)
        .where(ATTACHMENTS.c.media_id == media_id, MEMBERS.c.user_id == user_id)
    )
    return found.first() is not None


def _reason(row: Row[Any] | None, sender_id: str, *, attached: bool) -> Reason | None:
    if row is None or row.user_id != sender_id:
        return "not_found"
    if row.deleted_at is not None:
        return "deleted"
    if row.status != MediaStatus.READY:
        return "not_ready"
    return "attached_already" if attached else None
