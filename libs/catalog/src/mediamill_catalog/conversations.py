"""Who writes to whom. A conversation of which somebody is no member does not exist for that person."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import CONVERSATIONS, MEMBERS
from mediamill_catalog.listing import Page, page_of


async def add(
    session: AsyncSession,
    conversation_id: UUID,
    *,
    title: str | None,
    created_by: str,
    member_ids: Collection[str],
    now: datetime,
) -> None:
    """Insert a conversation of these members."""
    await session.execute(
        insert(CONVERSATIONS).values(id=conversation_id, title=title, created_by=created_by, created_at=now)
    )
    await session.execute(
        insert(MEMBERS),
        [{"conversation_id": conversation_id, "user_id": user_id} for user_id in sorted(member_ids)],
    )


async def find(session: AsyncSession, conversation_id: UUID, *, member: str) -> Row[Any] | None:
    """Return the row if `member` is one of its members."""
    found = await session.execute(
        _of_member(member).where(CONVERSATIONS.c.id == conversation_id),
    )
    return found.one_or_none()


async def list_conversations(
    session: AsyncSession, *, member: str, limit: int, after: UUID | None = None
) -> Page[Row[Any]]:
    """Return up to `limit` conversations of a member, newest first."""
    return await page_of(session, _of_member(member), CONVERSATIONS, limit, after)


async def members_of(session: AsyncSession, conversation_ids: Collection[UUID]) -> dict[UUID, Sequence[str]]:
    """Return the members of each conversation, in the order of their ids."""
    found = await session.execute(
        select(MEMBERS)
        .where(MEMBERS.c.conversation_id.in_(conversation_ids))
        .order_by(MEMBERS.c.conversation_id, MEMBERS.c.user_id)
    )
    members: dict[UUID, list[str]] = {conversation_id: [] for conversation_id in conversation_ids}
    for row in found:
        members[row.conversation_id].append(row.user_id)
    return dict(members)


def _of_member(user_id: str) -> Any:
    return (
        select(CONVERSATIONS)
        .join(MEMBERS, MEMBERS.c.conversation_id == CONVERSATIONS.c.id)
        .where(MEMBERS.c.user_id == user_id)
    )
