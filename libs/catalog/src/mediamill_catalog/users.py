"""People who sign in with a password kept here."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import USERS
from mediamill_catalog.tables import Role, User


async def by_email(session: AsyncSession, email: str) -> Row[Any] | None:
    """Return the row of a user, or None; addresses are compared as they are stored, in lower case."""
    return (await session.execute(select(USERS).where(USERS.c.email == email.lower()))).one_or_none()


async def by_id(session: AsyncSession, user_id: str) -> Row[Any] | None:
    """Return the row of a user, or None."""
    return (await session.execute(select(USERS).where(USERS.c.id == user_id))).one_or_none()


async def add(session: AsyncSession, user: User) -> None:
    """Insert a user; raises sqlalchemy.exc.IntegrityError when the address is taken."""
    await session.execute(insert(USERS).inline(), user.model_dump() | {"email": user.email.lower()})


async def count(session: AsyncSession, role: Role) -> int:
    """Return how many users that are not disabled have the role."""
    statement = select(func.count()).where(USERS.c.role == role, USERS.c.disabled_at.is_(None))
    return (await session.execute(statement)).scalar_one()


async def list_all(session: AsyncSession) -> list[Row[Any]]:
    """Return all users, oldest first."""
    return list(await session.execute(select(USERS).order_by(USERS.c.created_at, USERS.c.id)))


async def set_role(session: AsyncSession, user_id: str, role: Role) -> None:
    """Give a user another role; tokens that were issued keep the old one."""
    await session.execute(update(USERS).where(USERS.c.id == user_id).values(role=role))


async def set_disabled_at(session: AsyncSession, user_id: str, moment: datetime | None) -> None:
    """Let a user sign in no more since then, or again with None."""
    await session.execute(update(USERS).where(USERS.c.id == user_id).values(disabled_at=moment))


async def set_password_hash(session: AsyncSession, user_id: str, password_hash: str) -> None:
    """Replace a user's password hash."""
    await session.execute(update(USERS).where(USERS.c.id == user_id).values(password_hash=password_hash))
