"""Signing in with e-mail and password, for installations without an identity provider of their own."""

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from mediamill_catalog import users
from mediamill_catalog.sign_in_limits import Allowance, forget_attempts, take_attempt
from mediamill_catalog.tables import Role
from mediamill_database import Database
from mediamill_ingest.auth.accounts import attempts_of, canonical_email
from mediamill_ingest.auth.passwords import Passwords
from mediamill_runtime.identity import TokenIssuer

_OF_ACCOUNT = Allowance(attempts=10, refill_seconds=30)
_OF_ADDRESS = Allowance(attempts=30, refill_seconds=5)
"""Several people may share an address."""


class WrongCredentialsError(Exception):
    """No active account has this e-mail address and password."""


class TooManyAttemptsError(Exception):
    """Sign-in was tried too often; `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"wait {retry_after:.0f} s")
        self.retry_after = retry_after


@dataclass(frozen=True)
class Account:
    """A user of this installation."""

    id: str
    email: str
    role: Role


@dataclass(frozen=True)
class Session:
    """An account with an access token for it."""

    account: Account
    access_token: str
    lifetime_seconds: int


class Sessions:
    """Opens sessions for local accounts."""

    def __init__(self, database: Database, issuer: TokenIssuer) -> None:
        self._database = database
        self._issuer = issuer
        self._passwords = Passwords()

    async def sign_in(self, email: str, password: str, *, address: str) -> Session:
        """Return a new session.

        `address` is the network address asked from. Raises WrongCredentialsError, TooManyAttemptsError.
        """
        name = canonical_email(email)
        row = await self._attempt(name, address)
        usable = row is not None and row.disabled_at is None
        if not await self._passwords.matches(row.password_hash if row and usable else None, password):
            raise WrongCredentialsError
        assert row is not None  # noqa: S101 - only a row has a hash that matches
        async with self._database.write() as session:
            await forget_attempts(session, attempts_of(name))
        if self._passwords.needs_rehash(row.password_hash):
            await self._rehash(row.id, password)
        account = Account(row.id, row.email, Role(row.role))
        token = self._issuer.issue(account.id, account.role.value)
        return Session(account, token, self._issuer.lifetime_seconds)

    async def account(self, user_id: str) -> Account | None:
        """Return the account, or None when it is not of here or was disabled."""
        async with self._database.read() as session:
            row = await users.by_id(session, user_id)
        if row is None or row.disabled_at is not None:
            return None
        return Account(row.id, row.email, Role(row.role))

    async def _attempt(self, name: str, address: str) -> Row[Any] | None:
        """Return the account to be tried, or None when there is none; raises TooManyAttemptsError."""
        now = time.time()
        async with self._database.write() as session:
            waits = [
                await take_attempt(session, f"address {address}", _OF_ADDRESS, now=now),
                await take_attempt(session, attempts_of(name), _OF_ACCOUNT, now=now),
            ]
            row = await users.by_email(session, name)
        if any(waits):
            raise TooManyAttemptsError(max(waits))
        return row

    async def _rehash(self, user_id: str, password: str) -> None:
        password_hash = await self._passwords.hash(password)
        async with self._database.write() as session:
            await users.set_password_hash(session, user_id, password_hash)
