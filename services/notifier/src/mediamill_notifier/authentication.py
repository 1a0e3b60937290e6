"""Who is connecting: the token that the client gave, or the session cookie of our own pages."""

from http.cookies import CookieError, SimpleCookie
from typing import Any

from mediamill_notifier.connections import Caller
from mediamill_runtime.identity import (
    SESSION_COOKIE,
    InvalidTokenError,
    KeysUnavailableError,
    Role,
    TokenVerifier,
)

OPERATOR_ROLE: Role = "admin"


class RefusedError(Exception):
    """The connection is turned away; `code` is stable and told to the client."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Authenticator:
    """Turns a handshake into a caller."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def authenticate(self, auth: Any, cookie_header: str) -> Caller:
        """Return whom `auth` (`{"token": …}`) or else the session cookie speaks for.

        Raises RefusedError with `token_missing` or `token_invalid`, and with `identity_unavailable` while
        nobody can tell whether the token is good: the client keeps it and tries again.
        """
        token = auth.get("token") if isinstance(auth, dict) else None
        token = token or _cookie(cookie_header, SESSION_COOKIE)
        if not token or not isinstance(token, str):
            raise RefusedError("token_missing", "a token is required")
        try:
            identity = await self._verifier.verify(token)
        except KeysUnavailableError:
            raise RefusedError("identity_unavailable", "the identity provider does not answer now") from None
        except InvalidTokenError:
            raise RefusedError("token_invalid", "the token is not valid or has expired") from None
        return Caller(
            user_id=identity.user_id,
            is_operator=identity.has_role(OPERATOR_ROLE),
            expires_at=identity.expires_at.timestamp(),
        )


def _cookie(header: str, name: str) -> str | None:
    try:
        morsel = SimpleCookie(header).get(name)
    except CookieError:
        return None
    return morsel.value if morsel else None
