"""Who asks: the bearer token, or the session cookie of a page of ours."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from mediamill_runtime.identity import (
    SESSION_COOKIE,
    Identity,
    InvalidTokenError,
    KeysUnavailableError,
    Role,
)
from mediamill_web.parts import Parts
from mediamill_web.problems import RETRY_AFTER, ProblemError

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_CHALLENGE = {"WWW-Authenticate": "Bearer"}

_bearer = HTTPBearer(auto_error=False, description="An access token from `POST /api/auth/login`.")
_cookie = APIKeyCookie(name=SESSION_COOKIE, auto_error=False)
DOCUMENTED = [Depends(_bearer), Depends(_cookie)]
"""Route dependencies that make the API's description say how to sign in."""

SECURITY: list[dict[str, list[str]]] = [{_bearer.scheme_name: []}, {_cookie.scheme_name: []}]
"""The same for a route that is described by hand."""


async def signed_in(request: Request, parts: Parts) -> Identity:
    """Return who asks; raises ProblemError `not_signed_in`, or `cross_site_request` for a foreign page's."""
    identity = await _identity_of(request, parts)
    if identity is None:
        raise ProblemError(
            401, "not_signed_in", "Sign in first.", headers=_CHALLENGE, close=_has_body(request)
        )
    return identity


async def perhaps_signed_in(request: Request, parts: Parts) -> Identity | None:
    """Return who asks, or None when nobody is signed in."""
    try:
        return await _identity_of(request, parts)
    except ProblemError:
        return None


Caller = Annotated[Identity, Depends(signed_in)]
"""The route's parameter that receives who asks, and refuses who is not signed in."""
PerhapsCaller = Annotated[Identity | None, Depends(perhaps_signed_in)]


def _with_role(role: Role) -> Callable[[Request, Caller], Awaitable[Identity]]:
    async def check(request: Request, caller: Caller) -> Identity:
        if not caller.has_role(role):
            raise ProblemError(403, "forbidden", f"This needs the role {role}.", close=_has_body(request))
        return caller

    return check


Admin = Annotated[Identity, Depends(_with_role("admin"))]
"""The route's parameter that receives an admin or superadmin who asks, and refuses everybody else."""
Superadmin = Annotated[Identity, Depends(_with_role("superadmin"))]


async def _identity_of(request: Request, parts: Parts) -> Identity | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    by_cookie = scheme.lower() != "bearer"
    if by_cookie:
        token = request.cookies.get(SESSION_COOKIE, "")
        if token and request.method not in _SAFE_METHODS:
            refuse_foreign_page(request)
    if not token:
        return None
    try:
        return await parts.verifier.verify(token.strip())
    except KeysUnavailableError:
        detail = "The identity provider does not answer now; the request may be sent again."
        unread = _has_body(request)
        raise ProblemError(503, "identity_unavailable", detail, headers=RETRY_AFTER, close=unread) from None
    except InvalidTokenError:
        detail = "The access token is not valid or has expired."
        unread = _has_body(request)
        raise ProblemError(401, "invalid_token", detail, headers=_CHALLENGE, close=unread) from None


def refuse_foreign_page(request: Request) -> None:
    """Refuse a write that a browser sends with our cookie on behalf of another site's page.

    Browsers say where a request comes from (`Sec-Fetch-Site`, else `Origin`); without either it is refused.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site in ("same-origin", "none"):
        return
    if site is None and origin is not None and urlsplit(origin).netloc == request.headers.get("host"):
        return
    detail = "The request comes from another site."
    raise ProblemError(403, "cross_site_request", detail, close=_has_body(request))


def _has_body(request: Request) -> bool:
    """Return whether there may be a body, which nobody will read once the request is refused."""
    return request.method not in _SAFE_METHODS
