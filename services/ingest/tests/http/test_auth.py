"""Signing in, and being who one says."""

from dataclasses import replace

import httpx
import jwt
import pytest
from pydantic import SecretStr

from mediamill_catalog.tables import Role
from mediamill_ingest.auth.accounts import Accounts
from mediamill_ingest.auth.first_superadmin import DEFAULT_EMAIL, ensure_first_superadmin
from mediamill_ingest.auth.sessions import Sessions
from mediamill_runtime.identity import TokenIssuer

from .conftest import SECRET, Api

EMAIL, PASSWORD = "ada@example.org", "correct horse battery staple"


@pytest.fixture
async def account(api: Api) -> str:
    """Make an account and return its user id."""
    return await Accounts(api.parts.database, actor="test").add(EMAIL, PASSWORD, Role.USER)


async def _login(api: Api, email: str, password: str, **headers: str) -> httpx.Response:
    return await api.client.post(
        "/api/auth/login", json={"email": email, "password": password}, headers=headers
    )


async def test_signing_in_opens_the_api(api: Api, account: str) -> None:
    """The right password gives a token and a cookie that scripts cannot read; both are accepted."""
    answer = await _login(api, " Ada@Example.org ", PASSWORD)
    body = answer.json()
    assert body["user"] == {"id": account, "email": EMAIL, "role": "user"}
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    me = await api.client.get("/api/auth/me")
    assert me.json() == {"user": body["user"]}
    api.client.cookies.clear()
    bearer = {"Authorization": f"Bearer {body['accessToken']}"}
    assert (await api.client.get("/api/auth/me", headers=bearer)).json() == {"user": body["user"]}
    assert (await api.client.get("/api/auth/me")).status_code == 401


async def test_signing_out_forgets_the_cookie(api: Api, account: str) -> None:
    """After signing out the browser is nobody again."""
    await _login(api, EMAIL, PASSWORD)
    answer = await api.client.post("/api/auth/logout", headers={"Origin": api.url})
    assert answer.status_code == 204
    assert (await api.client.get("/api/auth/me")).status_code == 401


async def test_wrong_credentials_are_all_alike(api: Api, account: str) -> None:
    """A wrong password and an unknown address get the same answer."""
    wrong = await _login(api, EMAIL, "wrong")
    unknown = await _login(api, "nobody@example.org", "wrong")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["code"] == unknown.json()["code"] == "wrong_credentials"
    assert wrong.json()["detail"] == unknown.json()["detail"]
    assert "set-cookie" not in wrong.headers


async def test_guessing_is_slowed_down(api: Api, account: str) -> None:
    """After some attempts an account is closed for a while at every replica, also for the right password."""
    codes = [(await _login(api, EMAIL, "wrong")).status_code for _ in range(11)]
    assert codes == [401] * 10 + [429]
    sessions = Sessions(api.parts.database, api.issuer)
    api.app.state.parts = replace(api.parts, sessions=sessions)  # as another process has it
    answer = await _login(api, EMAIL, PASSWORD)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert int(answer.headers["retry-after"]) > 0


async def test_a_right_password_gives_the_attempts_back(api: Api, account: str) -> None:
    """Whoever signs in often is never taken for somebody who guesses."""
    codes = [(await _login(api, EMAIL, PASSWORD)).status_code for _ in range(12)]
    assert codes == [200] * 12


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://other.example"},
        {},
    ],
)
async def test_other_sites_cannot_write_with_the_cookie(
    api: Api, account: str, headers: dict[str, str]
) -> None:
    """A write with the cookie must come from a page of ours; with a token it may come from anywhere."""
    token = (await _login(api, EMAIL, PASSWORD)).json()["accessToken"]
    files = {"file": ("photo.jpg", api.photo, "image/jpeg")}
    forged = await api.client.post("/api/media", files=files, headers=headers)
    assert (forged.status_code, forged.json()["code"]) == (403, "cross_site_request")
    own = await api.client.post("/api/media", files=files, headers={"Origin": api.url})
    assert own.status_code == 202
    bearer = {"Authorization": f"Bearer {token}"} | headers
    assert (await api.client.post("/api/media", files=files, headers=bearer)).status_code == 202


@pytest.mark.parametrize(
    "token",
    [
        "nonsense",
        TokenIssuer("another key that is long enough to sign with", lifetime_seconds=60).issue("u", "admin"),
        TokenIssuer(SECRET, lifetime_seconds=-60).issue("u", "admin"),
        jwt.encode({"sub": "u", "role": "admin", "exp": 9_999_999_999}, key="", algorithm="none"),
        jwt.encode({"sub": "u", "role": "admin"}, SECRET, algorithm="HS256"),
        jwt.encode({"exp": 9_999_999_999}, SECRET, algorithm="HS256"),
    ],
)
async def test_bad_tokens_open_nothing(api: Api, token: str) -> None:
    """Foreign, expired, unsigned and incomplete tokens are refused."""
    answer = await api.client.get("/api/media", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.json()["code"] in {"invalid_token", "not_signed_in"}
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_large_bodies_do_not_reach_the_sign_in(api: Api) -> None:
    """A sign-in with megabytes in it is refused."""
    answer = await api.client.post("/api/auth/login", content=b"{" + b" " * 100_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_new_installation_gets_one_superadmin(api: Api) -> None:
    """The first start makes an account with a random password, which works; later starts make none."""
    password = await ensure_first_superadmin(api.parts.database, None, None)
    assert password is not None
    assert len(password) >= 16
    assert (await _login(api, DEFAULT_EMAIL, password)).json()["user"]["role"] == "superadmin"
    assert await ensure_first_superadmin(api.parts.database, None, None) is None


async def test_the_first_superadmin_can_be_chosen(api: Api) -> None:
    """With address and password given, nothing is printed and they work."""
    chosen = SecretStr(PASSWORD)
    assert await ensure_first_superadmin(api.parts.database, "Boss@Example.org", chosen) is None
    assert (await _login(api, "boss@example.org", PASSWORD)).status_code == 200
