"""One place that sends requests: tries again where that is safe, and turns refusals into exceptions."""

import asyncio
import functools
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from mediamill_client.errors import ProblemError, ServerUnreachableError, UnexpectedAnswerError, problem
from mediamill_client.retry import RETRIED_STATUS, RetryPolicy

log = logging.getLogger(__name__)

T = TypeVar("T", bound=BaseModel)
Build = Callable[[], httpx.Request]
"""Makes the request afresh for each try: a streamed body can be read only once."""


_EXPIRED_STATUS = frozenset({403})
"""What S3 says of a signature whose time is over."""


@dataclass(frozen=True)
class SignedPut:
    """A URL that somebody signed, and the headers to send with it."""

    url: str
    headers: Mapping[str, str]


class HttpSession:
    """An HTTP connection pool with the caller's token and retry policy."""

    def __init__(
        self,
        url: str,
        *,
        token: SecretStr | None,
        policy: RetryPolicy,
        timeout: float,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self.url = url.rstrip("/")
        self.token = None if token is None else checked(token)
        self.policy = policy
        self._client = httpx.AsyncClient(
            base_url=self.url, timeout=timeout, transport=transport, verify=_authorities()
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    def build(self, method: str, path: str, **parts: Any) -> httpx.Request:
        """Return a request with the caller's token; `parts` as `httpx.AsyncClient.build_request` has them."""
        headers = dict(parts.pop("headers", None) or {})
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.get_secret_value()}"
        return self._client.build_request(method, path, headers=headers, **parts)

    async def call(self, kind: type[T], method: str, path: str, **parts: Any) -> T:
        """Send a request that may safely be repeated; return the answer, validated."""
        return await self.send(kind, lambda: self.build(method, path, **parts))

    async def send(self, kind: type[T], build: Build) -> T:
        """Send what `build` returns until it is answered or the policy gives up.

        Raises ProblemError (by status), ServerUnreachableError, UnexpectedAnswerError.
        """
        attempt = 0
        while True:
            attempt += 1
            request = build()
            outcome = await self._try(request)
            if isinstance(outcome, httpx.Response) and outcome.status_code not in RETRIED_STATUS:
                return _decode(kind, outcome)
            pause = self.policy.pause_after(attempt, outcome)
            if pause is None:
                raise _final(request, outcome)
            log.debug("%s %s: %s; again in %.2f s", request.method, request.url, outcome, pause)
            await asyncio.sleep(pause)

    async def put(
        self, sign: Callable[[], Awaitable[SignedPut]], body: Callable[[], AsyncIterator[bytes]]
    ) -> None:
        """PUT a body where somebody signed for it, without the caller's token; each try has both anew.

        Raises ProblemError (by status) and ServerUnreachableError.
        """
        attempt = 0
        while True:
            attempt += 1
            signed = await sign()
            request = self._client.build_request("PUT", signed.url, headers=signed.headers, content=body())
            outcome = await self._try(request)
            if isinstance(outcome, httpx.Response):
                if outcome.is_success:
                    return
                if outcome.status_code not in RETRIED_STATUS | _EXPIRED_STATUS:
                    raise _refusal(outcome)
            pause = self.policy.pause_after(attempt, outcome)
            if pause is None:
                raise _final(request, outcome)
            await asyncio.sleep(pause)

    async def _try(self, request: httpx.Request) -> httpx.Response | httpx.TransportError:
        try:
            return await self._client.send(request)
        except httpx.UnsupportedProtocol:
            raise
        except httpx.TransportError as error:
            return error


def checked(token: SecretStr) -> SecretStr:
    """Return a token that can be sent; raises ValueError, without the token, for any other.

    What fails later, in a header, would be shown in an error.
    """
    text = token.get_secret_value()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("the token is empty or has characters that no token has")
    return token


def _final(request: httpx.Request, outcome: httpx.Response | httpx.TransportError) -> Exception:
    if isinstance(outcome, httpx.Response):
        return _refusal(outcome)
    reason = str(outcome) or type(outcome).__name__
    error = ServerUnreachableError(f"no answer to {request.method} {request.url}: {reason}")
    error.__cause__ = outcome
    return error


def _decode(kind: type[T], response: httpx.Response) -> T:
    if not response.is_success:
        raise _refusal(response)
    try:
        return kind.model_validate_json(response.content or b"{}")
    except ValidationError as error:
        reason = f"{response.request.url} did not answer as this client expects: {_summary(error)}"
        raise UnexpectedAnswerError(reason) from None


def _summary(error: ValidationError) -> str:
    """Return where and why, without the values: an answer may hold a token."""
    return "; ".join(
        f"{'.'.join(map(str, part['loc'])) or 'body'}: {part['msg']}"
        for part in error.errors(include_url=False, include_context=False, include_input=False)
    )


def _refusal(response: httpx.Response) -> ProblemError:
    try:
        document = response.json()
    except ValueError:
        document = None
    fallback = {"title": response.reason_phrase}
    return problem(response.status_code, document if isinstance(document, Mapping) else fallback)


@functools.cache
def _authorities() -> ssl.SSLContext:
    """Read whom TLS is to believe, once: that takes longer than most requests."""
    return httpx.create_ssl_context()
