"""How often a name may still be tried, counted in one place for all replicas: guessing must not pay.

A bucket of attempts for each name, full at first and refilled one by one. It is one moment, when it is full
again: each attempt moves that one step further off, and none is left while it is too far off.
"""

import hashlib
from dataclasses import dataclass

from sqlalchemy import case, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import SIGN_IN_LIMITS

_COLUMNS = SIGN_IN_LIMITS.c


@dataclass(frozen=True)
class Allowance:
    """So many attempts at once, and then one more every `refill_seconds`."""

    attempts: int
    refill_seconds: float


async def take_attempt(session: AsyncSession, name: str, allowed: Allowance, *, now: float) -> float:
    """Use up one attempt of `name`; return 0, or how many seconds to wait when none is left.

    `now` is in Unix seconds. The row stays locked until the caller's transaction ends.
    """
    digest = _digest(name)
    latest = now + (allowed.attempts - 1) * allowed.refill_seconds
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    begun = case((_COLUMNS.full_at > now, _COLUMNS.full_at), else_=now)
    statement = (
        insert(SIGN_IN_LIMITS)
        .values(name=digest, full_at=now + allowed.refill_seconds)
        .on_conflict_do_update(
            index_elements=[_COLUMNS.name],
            set_={"full_at": begun + allowed.refill_seconds},
            where=_COLUMNS.full_at <= latest,
        )
        .returning(_COLUMNS.name)
    )
    if (await session.execute(statement)).first() is not None:
        return 0.0
    full_at = (await session.execute(select(_COLUMNS.full_at).where(_COLUMNS.name == digest))).scalar()
    return 0.0 if full_at is None else max(0.0, full_at - latest)


async def forget_attempts(session: AsyncSession, name: str) -> None:
    """Fill the bucket of `name`, as after a right password."""
    await session.execute(delete(SIGN_IN_LIMITS).where(_COLUMNS.name == _digest(name)))


def _digest(name: str) -> str:
    """Keep no list of who tried to sign in from where."""
    return hashlib.sha256(name.encode()).hexdigest()
