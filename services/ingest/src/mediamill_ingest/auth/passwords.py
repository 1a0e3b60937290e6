"""Passwords: Argon2id, checked in a thread because a check is meant to be slow.

An unknown e-mail address costs the same time as a wrong password, so nobody can find out who has an account.
"""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_MEMORY_KIB = 19 * 1024
_ITERATIONS = 2
_LANES = 1
"""The OWASP Password Storage Cheat Sheet's smallest recommended Argon2id parameters."""
_CHECKS_AT_ONCE = 2
"""More at once would let sign-in attempts eat memory and CPU."""


class Passwords:
    """Hashes and checks passwords."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(_ITERATIONS, _MEMORY_KIB, _LANES)
        self._nobody: str | None = None
        self._turn = asyncio.Semaphore(_CHECKS_AT_ONCE)

    async def hash(self, password: str) -> str:
        """Return the encoded hash, parameters and salt included."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Return whether the password is right; with no hash the answer is no, after the same time."""
        async with self._turn:
            right = await asyncio.to_thread(self._verify, password_hash or self._hash_of_nobody(), password)
        return right and password_hash is not None

    def _hash_of_nobody(self) -> str:
        if self._nobody is None:
            self._nobody = self._hasher.hash(secrets.token_urlsafe())
        return self._nobody

    def needs_rehash(self, password_hash: str) -> bool:
        """Return whether the hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
