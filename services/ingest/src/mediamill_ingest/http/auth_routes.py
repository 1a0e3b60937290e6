"""Signing in and out with a password kept here."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, SecretStr

from mediamill_contracts.message import WITHOUT_NUL
from mediamill_ingest.auth.sessions import Session, Sessions, TooManyAttemptsError, WrongCredentialsError
from mediamill_ingest.http.parts import HttpParts, Parts
from mediamill_ingest.http.schemas import Me, SignedIn, UserView
from mediamill_runtime.identity import SESSION_COOKIE
from mediamill_web.identity import DOCUMENTED, Caller, refuse_foreign_page
from mediamill_web.json_body import described, json_body
from mediamill_web.problems import ProblemError, not_found
from mediamill_web.responses import refusals

_MAX_BODY_BYTES = 16 * 1024

router = APIRouter(tags=["auth"], prefix="/api/auth")


class Credentials(BaseModel):
    """What a person signs in with."""

    email: str = Field(min_length=3, max_length=254, pattern=WITHOUT_NUL)
    password: SecretStr = Field(min_length=1, max_length=1024)


@router.post(
    "/login",
    responses=refusals(401, 403, 408, 413, 422, 429),
    openapi_extra={"requestBody": {"required": True, "content": described(Credentials)}},
)
async def login(request: Request, response: Response, parts: Parts) -> SignedIn:
    """Sign in; the token is in the answer for programs, and in a cookie for pages."""
    if "origin" in request.headers or "sec-fetch-site" in request.headers:
        refuse_foreign_page(request)
    credentials = await json_body(request, parts, Credentials, max_bytes=_MAX_BODY_BYTES)
    session = await _open_session(request, credentials, _local_sessions(parts))
    response.set_cookie(
        SESSION_COOKIE,
        session.access_token,
        max_age=session.lifetime_seconds,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    response.headers["Cache-Control"] = "no-store"
    account = session.account
    user = UserView(id=account.id, email=account.email, role=account.role)
    return SignedIn(user=user, access_token=session.access_token)


@router.post("/logout", status_code=204, responses=refusals(403))
async def logout(request: Request, response: Response) -> None:
    """Forget the cookie; a token that a program holds stays valid until it expires."""
    if SESSION_COOKIE in request.cookies:
        refuse_foreign_page(request)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax")


@router.get("/me", responses=refusals(401), dependencies=DOCUMENTED)
async def me(parts: Parts, caller: Caller) -> Me:
    """Return who is signed in."""
    account = await parts.sessions.account(caller.user_id) if parts.sessions is not None else None
    email = account.email if account is not None else None
    return Me(user=UserView(id=caller.user_id, email=email, role=caller.role))


async def _open_session(request: Request, credentials: Credentials, sessions: Sessions) -> Session:
    address = request.client.host if request.client is not None else "unknown"
    try:
        return await sessions.sign_in(
            credentials.email, credentials.password.get_secret_value(), address=address
        )
    except WrongCredentialsError:
        detail = "The e-mail address or the password is wrong."
        raise ProblemError(401, "wrong_credentials", detail) from None
    except TooManyAttemptsError as error:
        headers = {"Retry-After": str(round(error.retry_after) + 1)}
        detail = "Too many attempts to sign in. Wait a little."
        raise ProblemError(429, "too_many_attempts", detail, headers=headers) from None


def _local_sessions(parts: HttpParts) -> Sessions:
    if parts.sessions is None:
        raise not_found()
    return parts.sessions
