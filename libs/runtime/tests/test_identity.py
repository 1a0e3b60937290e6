"""Access tokens: who they name, and which ones are refused."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mediamill_runtime.identity import (
    InvalidTokenError,
    KeysUnavailableError,
    TokenIssuer,
    TokenVerifier,
)

SECRET = "a key for the tests that is long enough to sign with"
FAR = 9_999_999_999


async def test_an_issued_token_is_verified() -> None:
    """A verifier with the same key reads user, role and expiry from an issued token, time after time."""
    token = TokenIssuer(SECRET, lifetime_seconds=60).issue("user-1", "admin")
    verifier = TokenVerifier(SECRET)
    first, again = await verifier.verify(token), await verifier.verify(token)
    assert (first.user_id, first.role) == ("user-1", "admin")
    assert again == first
    assert first.has_role("user")
    assert first.has_role("admin")
    assert not first.has_role("superadmin")


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({}, "user"),
        ({"role": "superadmin"}, "superadmin"),
        ({"roles": ["user", "admin"]}, "admin"),
        ({"roles": ["editor"]}, "user"),
        ({"role": 7}, "user"),
    ],
)
async def test_roles_come_in_two_shapes(claims: dict[str, Any], role: str) -> None:
    """Identity providers send one role or several; unknown ones give no rights."""
    token = jwt.encode({"sub": "u", "exp": FAR} | claims, SECRET, algorithm="HS256")
    assert (await TokenVerifier(SECRET).verify(token)).role == role


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "x" * 10_000,
        jwt.encode({"sub": "u", "exp": 1}, SECRET, algorithm="HS256"),
        jwt.encode({"sub": "u"}, SECRET, algorithm="HS256"),
        jwt.encode({"exp": FAR}, SECRET, algorithm="HS256"),
        jwt.encode({"sub": "", "exp": FAR}, SECRET, algorithm="HS256"),
        jwt.encode({"sub": "u" * 129, "exp": FAR}, SECRET, algorithm="HS256"),
        jwt.encode({"sub": "u", "exp": FAR}, SECRET * 2, algorithm="HS512"),
        jwt.encode({"sub": "u", "exp": FAR}, "another " + SECRET, algorithm="HS256"),
        jwt.encode({"sub": "u", "exp": FAR}, "", algorithm="none"),
    ],
)
async def test_bad_tokens_are_refused(token: str) -> None:
    """Malformed, expired, incomplete, foreign and unsigned tokens are all refused the same way."""
    with pytest.raises(InvalidTokenError):
        await TokenVerifier(SECRET).verify(token)


async def test_a_remembered_token_still_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that was verified before is refused once its time is over."""
    token = TokenIssuer(SECRET, lifetime_seconds=3).issue("user-1", "user")
    verifier = TokenVerifier(SECRET)
    identity = await verifier.verify(token)
    late = type("Late", (), {"now": staticmethod(lambda _zone: identity.expires_at)})
    monkeypatch.setattr("mediamill_runtime.identity.datetime", late)
    with pytest.raises(InvalidTokenError):
        await verifier.verify(token)


class _Provider:
    """An identity provider's key endpoint."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.asked = 0
        self.instead: bytes | None = None
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked += 1
                algorithm = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
                published = json.loads(algorithm.to_jwk(provider.key.public_key()))
                body = json.dumps(
                    {"keys": [published | {"kid": "one", "alg": "ES256", "use": "sig"}]}
                ).encode()
                body = body if provider.instead is None else provider.instead
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Stay silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"

    def token(self, key_id: str = "one", **claims: Any) -> str:
        """Return a token signed by the provider."""
        return jwt.encode(
            {"sub": "u", "exp": FAR} | claims, self.key, algorithm="ES256", headers={"kid": key_id}
        )


@pytest.fixture
def provider() -> Iterator[_Provider]:
    """Give a running identity provider."""
    provider = _Provider()
    thread = threading.Thread(target=provider.server.serve_forever)
    thread.start()
    yield provider
    provider.server.shutdown()
    thread.join()
    provider.server.server_close()


async def test_published_keys_verify(provider: _Provider) -> None:
    """A token of the identity provider is verified with its published key, fetched once."""
    verifier = TokenVerifier(jwks_url=provider.url)
    assert (await verifier.verify(provider.token(roles=["admin"]))).role == "admin"
    assert (await verifier.verify(provider.token(sub="other"))).user_id == "other"
    assert provider.asked == 1


async def test_unknown_keys_do_not_make_us_ask_forever(provider: _Provider) -> None:
    """Tokens with made-up key ids are refused without asking the provider each time."""
    verifier = TokenVerifier(jwks_url=provider.url)
    for number in range(5):
        with pytest.raises(InvalidTokenError):
            await verifier.verify(provider.token(key_id=f"made-up-{number}"))
    assert provider.asked == 1


@pytest.mark.parametrize("instead", [b"<html>busy</html>", b'{"keys": []}'])
async def test_a_provider_that_gives_no_keys_makes_no_token_bad(
    provider: _Provider, instead: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the keys are there nobody can tell; from then on they hold, whatever the provider says later."""
    monkeypatch.setattr("mediamill_runtime.identity._KEYS_ASKED_AT_MOST_EVERY_SECONDS", 0.0)
    monkeypatch.setattr("mediamill_runtime.identity._KEYS_FRESH_SECONDS", 0.0)
    verifier = TokenVerifier(jwks_url=provider.url)
    provider.instead = instead
    for _ in range(2):
        with pytest.raises(KeysUnavailableError):
            await verifier.verify(provider.token())
    provider.instead = None
    assert (await verifier.verify(provider.token())).user_id == "u"
    provider.instead = instead
    assert (await verifier.verify(provider.token(sub="other"))).user_id == "other"


async def test_a_shared_key_is_nothing_to_published_ones(provider: _Provider) -> None:
    """A token signed with a shared key never passes where published keys are expected."""
    token = jwt.encode({"sub": "u", "exp": FAR}, SECRET, algorithm="HS256", headers={"kid": "one"})
    with pytest.raises(InvalidTokenError):
        await TokenVerifier(jwks_url=provider.url).verify(token)


async def test_audience_and_issuer_are_checked_when_given(provider: _Provider) -> None:
    """A provider's token for another application is refused."""
    verifier = TokenVerifier(jwks_url=provider.url, audience="mediamill", issuer="https://id.example")
    good = provider.token(aud="mediamill", iss="https://id.example")
    assert (await verifier.verify(good)).user_id == "u"
    for bad in ({"aud": "other", "iss": "https://id.example"}, {"aud": "mediamill", "iss": "evil"}, {}):
        with pytest.raises(InvalidTokenError):
            await verifier.verify(provider.token(**bad))


def test_a_verifier_knows_one_kind_of_key() -> None:
    """Neither both kinds of keys nor none can be configured."""
    for arguments in ({}, {"secret": SECRET, "jwks_url": "https://id.example/keys"}):
        with pytest.raises(ValueError, match="either"):
            TokenVerifier(**arguments)
