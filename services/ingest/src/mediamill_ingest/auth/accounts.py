"""Local accounts as operators make and change them; each change is on record."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import audit, users
from mediamill_catalog.audit import Act
from mediamill_catalog.sign_in_limits import forget_attempts
from mediamill_catalog.tables import Role, User, utc_now
from mediamill_database import Database
from mediamill_ingest.auth.passwords import Passwords


class UnknownAccountError(Exception):
    """No account has this e-mail address."""


class AccountExistsError(Exception):
    """The e-mail address has an account already."""


class Accounts:
    """Changes accounts in the name of `actor`."""

    def __init__(self, database: Database, *, actor: str) -> None:
        self._database = database
        self._actor = actor
        self._passwords = Passwords()

    async def add(self, email: str, password: str, role: Role) -> str:
        """Make an account and return its user id; raises AccountExistsError."""
        password_hash = await self._passwords.hash(password)
        user = User(email=canonical_email(email), password_hash=password_hash, role=role)
        try:
            async with self._database.write() as session:
                await users.add(session, user)
                await self._note(session, "account.added", user.id, role=role.value)
        except IntegrityError:
            raise AccountExistsError(user.email) from None
        return user.id

    async def list(self) -> list[Row[Any]]:
        """Return all accounts, oldest first."""
        async with self._database.read() as session:
            return await users.list_all(session)

    async def set_password(self, email: str, password: str) -> None:
        """Give an account another password, and all attempts to sign in back; raises UnknownAccountError."""
        password_hash = await self._passwords.hash(password)
        async with self._database.write() as session:
            user = await _find(session, email)
            await users.set_password_hash(session, user.id, password_hash)
            await forget_attempts(session, attempts_of(user.email))
            await self._note(session, "account.password_set", user.id)

    async def set_role(self, email: str, role: Role) -> None:
        """Give an account another role, from its next sign-in on; raises UnknownAccountError."""
        async with self._database.write() as session:
            user = await _find(session, email)
            await users.set_role(session, user.id, role)
            await self._note(session, "account.role_set", user.id, role=role.value)

    async def set_disabled(self, email: str, *, disabled: bool) -> None:
        """Close or open an account; tokens that it holds stay valid until they expire.

        Raises UnknownAccountError.
        """
        async with self._database.write() as session:
            user = await _find(session, email)
            await users.set_disabled_at(session, user.id, utc_now() if disabled else None)
            await self._note(session, "account.disabled" if disabled else "account.enabled", user.id)

    async def _note(self, session: AsyncSession, action: str, user_id: str, **detail: str) -> None:
        await audit.record(session, Act(self._actor, action, utc_now(), detail={"userId": user_id, **detail}))


def canonical_email(email: str) -> str:
    """Return the address as accounts keep it."""
    return email.strip().lower()


def attempts_of(email: str) -> str:
    """Return the name under which attempts to sign in to an account are counted."""
    return f"account {email}"


async def _find(session: AsyncSession, email: str) -> Row[Any]:
    user = await users.by_email(session, canonical_email(email))
    if user is None:
        raise UnknownAccountError(canonical_email(email))
    return user
