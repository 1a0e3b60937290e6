"""Answers that were given to writes, so that a repeated request gets the same one and does nothing new."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import IDEMPOTENCY_KEYS, insert_new


class IdempotencyConflictError(Exception):
    """The key was used before, for a request that asked for something else."""


@dataclass(frozen=True)
class RepeatableRequest:
    """An `Idempotency-Key` and a SHA-256 (hexadecimal) over what was asked with it."""

    key: str
    fingerprint: str


@dataclass(frozen=True)
class Claim:
    """A key that a request came with, and the answer to keep under it."""

    user_id: str
    key: str
    fingerprint: str
    status_code: int
    answer: dict[str, Any]
    created_at: datetime


async def claim(session: AsyncSession, claims: Sequence[Claim]) -> list[bool]:
    """Keep the answers of those claims whose keys are new; tell for each whether it was.

    Of claims of the same key the first counts. Keys are taken in one order, so that two transactions never
    wait for each other.
    """
    if not claims:
        return []
    rows = sorted(map(vars, claims), key=lambda row: (row["user_id"], row["key"]))
    new = {(row.user_id, row.key) for row in await insert_new(session, IDEMPOTENCY_KEYS, rows)}
    kept: list[bool] = []
    for each in claims:
        kept.append((each.user_id, each.key) in new)
        new.discard((each.user_id, each.key))
    return kept


async def earlier_answer(
    session: AsyncSession, *, user_id: str, key: str, fingerprint: str
) -> dict[str, Any] | None:
    """Return the answer kept under the key, or None when the key is new.

    Raises IdempotencyConflictError when the key belongs to a request with another fingerprint.
    """
    table = IDEMPOTENCY_KEYS.c
    found = await session.execute(
        select(table.fingerprint, table.answer).where(table.user_id == user_id, table.key == key)
    )
    earlier = found.one_or_none()
    if earlier is None:
        return None
    if earlier.fingerprint != fingerprint:
        raise IdempotencyConflictError(key)
    answer: dict[str, Any] = earlier.answer
    return answer


async def answered_before(
    session: AsyncSession,
    request: RepeatableRequest | None,
    *,
    user_id: str,
    status_code: int,
    answer: dict[str, Any],
    now: datetime,
) -> dict[str, Any] | None:
    """Keep `answer` under the request's key and return None, or return the one that is there already.

    Called before the work, it makes a repetition wait until that is committed, and not do it, too. Raises
    IdempotencyConflictError when the key was used for another request.
    """
    if request is None:
        return None
    asked = Claim(user_id, request.key, request.fingerprint, status_code, answer, now)
    if (await claim(session, [asked]))[0]:
        return None
    earlier = await earlier_answer(session, user_id=user_id, key=request.key, fingerprint=request.fingerprint)
    if earlier is None:
        raise IdempotencyConflictError(request.key)
    return earlier
