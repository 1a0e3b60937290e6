"""Who carries out which periodic duty, and when: among replicas one claims it, and claims run out.

Whoever holds a claim renews it while it works; what is not renewed belongs to a process that died, and the
next one takes over. Times come from the callers' clocks, so a claim has to last longer than clocks differ.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Update, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import SCHEDULES, insert_unless_there

_S = SCHEDULES.c


async def plan(session: AsyncSession, name: str, due_at: datetime | None, *, now: datetime) -> None:
    """Write when a duty is due next; None means never by itself.

    What was due while nobody was there stays due: however often it was missed, it is made up once.
    """
    row: dict[str, Any] = {"name": name, "due_at": due_at, "report": {}, "state": {}}
    if await insert_unless_there(session, SCHEDULES, row):
        return
    replaceable = or_(_S.due_at.is_(None), _S.due_at > now) if due_at is not None else _S.name == name
    await session.execute(
        update(SCHEDULES).where(_S.name == name, replaceable, _is_free(now)).values(due_at=due_at)
    )


async def due_names(session: AsyncSession, *, now: datetime) -> list[str]:
    """Return the duties that somebody should claim now."""
    found = await session.execute(select(_S.name).where(_S.due_at <= now, _is_free(now)).order_by(_S.due_at))
    return list(found.scalars())


async def claim(
    session: AsyncSession, name: str, holder: str, *, now: datetime, until: datetime, only_due: bool = True
) -> bool:
    """Take a duty that nobody holds until then; return whether this holder got it."""
    timely = _S.due_at <= now if only_due else _S.name == name
    return await _changed(
        session,
        update(SCHEDULES)
        .where(_S.name == name, timely, _is_free(now))
        .values(claimed_by=holder, claimed_until=until, started_at=now),
    )


async def renew(session: AsyncSession, name: str, holder: str, *, until: datetime) -> bool:
    """Hold on to a duty; False when the claim ran out and another process has it."""
    return await _changed(
        session, update(SCHEDULES).where(_S.name == name, _S.claimed_by == holder).values(claimed_until=until)
    )


async def finish(
    session: AsyncSession,
    name: str,
    holder: str,
    *,
    due_at: datetime | None,
    report: dict[str, Any],
    now: datetime,
) -> bool:
    """Write what a run did and when the next one is due; False when the claim is another's by now."""
    return await _changed(
        session,
        update(SCHEDULES)
        .where(_S.name == name, _S.claimed_by == holder)
        .values(due_at=due_at, report=report, finished_at=now, claimed_by=None, claimed_until=None),
    )


async def release(session: AsyncSession, name: str, holder: str) -> bool:
    """Give a duty up unfinished: it stays due, and any replica may take it at once."""
    return await _changed(
        session,
        update(SCHEDULES)
        .where(_S.name == name, _S.claimed_by == holder)
        .values(claimed_by=None, claimed_until=None),
    )


async def find_all(session: AsyncSession) -> Sequence[Row[Any]]:
    """Return the rows of all duties by name."""
    return (await session.execute(select(SCHEDULES).order_by(_S.name))).all()


async def state_of(session: AsyncSession, name: str) -> dict[str, Any]:
    """Return what a duty keeps between its runs, and keep others from changing it meanwhile."""
    found = await session.execute(select(_S.state).where(_S.name == name).with_for_update())
    return dict(found.scalar_one_or_none() or {})


async def keep_state(session: AsyncSession, name: str, state: dict[str, Any]) -> None:
    """Replace what a duty keeps between its runs."""
    await session.execute(update(SCHEDULES).where(_S.name == name).values(state=state))


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(_S.claimed_until.is_(None), _S.claimed_until < now)


async def _changed(session: AsyncSession, statement: Update) -> bool:
    return (await session.execute(statement.returning(_S.name))).first() is not None
