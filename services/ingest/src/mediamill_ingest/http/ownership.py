"""Whose something is: a stranger's object does not exist for the caller, unless the caller is an admin."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import attachments, audit, calls, chat_messages, conversations, jobs, media
from mediamill_runtime.identity import Identity
from mediamill_web.problems import ProblemError, not_found


async def own_medium(
    session: AsyncSession, media_id: UUID, caller: Identity, *, leaving: bool = False
) -> Row[Any]:
    """Return the caller's medium, deleted or not; raises ProblemError `not_found`.

    One that is being removed for good is found with `leaving` only.
    """
    row = _own(await media.find(session, media_id), caller)
    if row.purge_requested_at is not None and not leaving:
        raise not_found()
    return row


async def own_deleted_medium(session: AsyncSession, media_id: UUID, caller: Identity) -> Row[Any]:
    """Return the caller's medium; raises ProblemError `purged` when there was one, else `not_found`."""
    row = await media.find(session, media_id)
    if row is None:
        stone = (await audit.tombstones(session, [media_id])).get(media_id)
        if stone is not None and (stone.detail["userId"] == caller.user_id or caller.has_role("admin")):
            raise purged()
    return _own(row, caller)


async def readable_medium(session: AsyncSession, media_id: UUID, caller: Identity) -> Row[Any]:
    """Return the caller's medium, or one that a message shows to the caller; raises `not_found`."""
    row = await media.find(session, media_id)
    if row is None or row.deleted_at is not None or row.user_id == caller.user_id:
        return await own_medium(session, media_id, caller)
    if await attachments.is_shown_to(session, media_id, caller.user_id):
        return row
    return _own(row, caller)


async def own_conversation(session: AsyncSession, conversation_id: UUID, caller: Identity) -> Row[Any]:
    """Return a conversation that the caller is in; raises ProblemError `not_found`, for admins too."""
    row = await conversations.find(session, conversation_id, member=caller.user_id)
    if row is None:
        raise not_found()
    return row


async def own_message(session: AsyncSession, message_id: UUID, caller: Identity) -> Row[Any]:
    """Return a message of a conversation that the caller is in; raises as `own_conversation` does."""
    row = await chat_messages.find(session, message_id)
    if row is None:
        raise not_found()
    await own_conversation(session, row.conversation_id, caller)
    return row


async def own_job(session: AsyncSession, job_id: UUID, caller: Identity) -> Row[Any]:
    """Return the caller's job; raises ProblemError `not_found`."""
    return _own(await jobs.find(session, job_id), caller)


async def own_call(session: AsyncSession, call_id: UUID, caller: Identity) -> Row[Any]:
    """Return the caller's queued call; raises ProblemError `not_found`."""
    return _own(await calls.find(session, call_id), caller)


def purged() -> ProblemError:
    """Return the answer for what was removed for good."""
    return ProblemError(410, "purged", "The medium was removed for good and cannot be brought back.")


def _own(row: Row[Any] | None, caller: Identity) -> Row[Any]:
    if row is None or (row.user_id != caller.user_id and not caller.has_role("admin")):
        raise not_found()
    return row
