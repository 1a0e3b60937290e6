"""Who is asking: makes and verifies access tokens (JWT, RFC 7519) without a look into any database.

A token is signed by this installation (HS256, one shared key) or by an identity provider that publishes its
keys (JWKS, RFC 7517). The two never mix: a verifier knows one of them, so a public key cannot pass as a
shared one.
"""

import asyncio
import http.client
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

import jwt
import structlog

from mediamill_runtime.settings import IdentitySettings

Role = Literal["user", "admin", "superadmin"]

SESSION_COOKIE = "mediamill_session"
"""Cookie that carries the token of a page on our own origin."""

_ROLES: tuple[Role, ...] = ("user", "admin", "superadmin")
_SHARED_KEY_ALGORITHM = "HS256"
_PUBLISHED_KEY_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
_REQUIRED_CLAIMS = ["sub", "exp"]
_LEEWAY_SECONDS = 5
_CACHED_TOKENS = 4_096
_LONGEST_TOKEN = 8_192
_KEYS_FRESH_SECONDS = 600.0
_KEYS_ASKED_AT_MOST_EVERY_SECONDS = 10.0
"""A token with an unknown key id asks for the keys again, but nobody can make us ask all the time."""
_log = structlog.get_logger(__name__)


class InvalidTokenError(Exception):
    """The token is malformed, expired, signed by somebody else, or lacks a claim."""


class KeysUnavailableError(InvalidTokenError):
    """Nobody can tell whether the token is valid: the identity provider has not given us its keys yet."""


@dataclass(frozen=True)
class Identity:
    """A user as a verified token names them."""

    user_id: str
    role: Role
    expires_at: datetime

    def has_role(self, role: Role) -> bool:
        """Return whether the user may do what `role` may do."""
        return _ROLES.index(self.role) >= _ROLES.index(role)


class TokenIssuer:
    """Signs access tokens with the installation's own key."""

    def __init__(self, secret: str, *, lifetime_seconds: int) -> None:
        self._secret = secret
        self.lifetime_seconds = lifetime_seconds

    def issue(self, user_id: str, role: Role) -> str:
        """Return a token for the user, valid from now for the issuer's lifetime."""
        now = int(time.time())
        claims = {
            "sub": user_id,
            "role": role,
            "iat": now,
            "exp": now + self.lifetime_seconds,
            "jti": uuid4().hex,
        }
        return jwt.encode(claims, self._secret, algorithm=_SHARED_KEY_ALGORITHM)


class TokenVerifier:
    """Verifies access tokens; a token seen before costs one dictionary look-up."""

    def __init__(
        self,
        secret: str | None = None,
        *,
        jwks_url: str | None = None,
        audience: str | None = None,
        issuer: str | None = None,
    ) -> None:
        """Trust tokens signed with `secret`, or by the keys published at `jwks_url`; exactly one is given.

        `audience` and `issuer`, when given, must be in the token: an identity provider signs for others too.
        """
        if (secret is None) == (jwks_url is None):
            raise ValueError("give either a secret or the URL of published keys")
        self._secret = secret
        self._published = _PublishedKeys(jwks_url) if jwks_url is not None else None
        self._audience = audience
        self._issuer = issuer
        self._seen: OrderedDict[str, Identity] = OrderedDict()

    async def verify(self, token: str) -> Identity:
        """Return who the token names; raises InvalidTokenError, and KeysUnavailableError for a new token."""
        known = self._seen.get(token)
        if known is None:
            known = await self._verify_new(token)
            self._remember(token, known)
        if known.expires_at <= datetime.now(UTC):
            self._seen.pop(token, None)
            raise InvalidTokenError("the token has expired")
        return known

    async def _verify_new(self, token: str) -> Identity:
        if len(token) > _LONGEST_TOKEN:
            raise InvalidTokenError("the token is too long")
        try:
            if self._published is not None:
                key = await self._published.key_for(token)
                claims = self._decode(token, key, _PUBLISHED_KEY_ALGORITHMS)
            else:
                claims = self._decode(token, self._secret, (_SHARED_KEY_ALGORITHM,))
        except jwt.PyJWTError as error:
            raise InvalidTokenError(str(error)) from error
        return _identity(claims)

    def _decode(self, token: str, key: Any, algorithms: tuple[str, ...]) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=list(algorithms),
            audience=self._audience,
            issuer=self._issuer,
            options={"require": _REQUIRED_CLAIMS, "verify_aud": self._audience is not None},
            leeway=_LEEWAY_SECONDS,
        )

    def _remember(self, token: str, identity: Identity) -> None:
        self._seen[token] = identity
        if len(self._seen) > _CACHED_TOKENS:
            self._seen.popitem(last=False)


def verifier_of(settings: IdentitySettings) -> TokenVerifier:
    """Return the verifier that the settings ask for; published keys take the place of the shared one."""
    if settings.jwt_jwks_url is not None:
        return TokenVerifier(
            jwks_url=settings.jwt_jwks_url, audience=settings.jwt_audience, issuer=settings.jwt_issuer
        )
    return TokenVerifier(settings.jwt_secret.get_secret_value() if settings.jwt_secret else None)


class _PublishedKeys:
    """The identity provider's keys: fetched when needed, in a thread, and kept for ten minutes."""

    def __init__(self, url: str) -> None:
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=5)
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def key_for(self, token: str) -> jwt.PyJWK:
        """Return the key that the token's header names; raises jwt.PyJWTError and KeysUnavailableError."""
        key_id = jwt.get_unverified_header(token).get("kid")
        async with self._asking:
            stale = time.monotonic() - self._fetched_at > _KEYS_FRESH_SECONDS
            if stale or key_id not in self._keys:
                await self._fetch()
        if not self._keys:
            raise KeysUnavailableError("the identity provider does not give us its keys")
        key = self._keys.get(key_id)
        if key is None:
            raise jwt.InvalidKeyError("the token is signed with an unknown key")
        return key

    async def _fetch(self) -> None:
        """Keep what is known when the provider does not answer, or not with keys."""
        now = time.monotonic()
        if now - self._asked_at < _KEYS_ASKED_AT_MOST_EVERY_SECONDS:
            return
        self._asked_at = now
        try:
            keys = await asyncio.to_thread(self._client.get_signing_keys)
        except (jwt.PyJWTError, http.client.HTTPException, OSError, ValueError) as error:
            _log.warning("the identity provider gives no keys", error=f"{type(error).__name__}: {error}")
            return
        self._keys = {key.key_id: key for key in keys}
        self._fetched_at = now


def _identity(claims: dict[str, Any]) -> Identity:
    user_id = claims["sub"]
    if not isinstance(user_id, str) or not 0 < len(user_id) <= 128:
        raise InvalidTokenError("the token's subject is no user id")
    return Identity(user_id, _role(claims), datetime.fromtimestamp(int(claims["exp"]), UTC))


def _role(claims: dict[str, Any]) -> Role:
    """Take the highest known role of `role` or `roles`; a token without one is a user's."""
    given = claims.get("roles", claims.get("role", []))
    names = given if isinstance(given, list) else [given]
    known = [role for role in _ROLES if role in names]
    return known[-1] if known else "user"
