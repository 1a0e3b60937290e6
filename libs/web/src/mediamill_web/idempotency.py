"""`Idempotency-Key`: a client that does not know whether its write arrived may send it again."""

import hashlib
from typing import Annotated

from fastapi import Depends, Header, Request

from mediamill_catalog.idempotency import RepeatableRequest
from mediamill_web.problems import ProblemError

_HEADER = "Idempotency-Key"
_MAX_KEY = 200
_DESCRIPTION = "Same key and same request: the same answer, nothing new. Another request: 409."
IdempotencyKeyHeader = Annotated[
    str | None, Header(alias=_HEADER, min_length=1, max_length=_MAX_KEY, description=_DESCRIPTION)
]


async def _take_key(_key: IdempotencyKeyHeader = None) -> None:
    """Have the header described and checked."""


KEY_IS_FINE = [Depends(_take_key)]
"""Route dependencies of a write that may come again anyway: a key is taken, and makes no difference."""

KEY_PARAMETER = {
    "name": _HEADER,
    "in": "header",
    "description": _DESCRIPTION,
    "schema": {"type": "string", "minLength": 1, "maxLength": _MAX_KEY},
}
"""The same for a route that is described by hand and reads the header with `key_of`."""


def key_of(request: Request) -> str | None:
    """Return the request's key; raises ProblemError `invalid_request` when it is empty or too long."""
    key = request.headers.get(_HEADER)
    if key is not None and not 0 < len(key) <= _MAX_KEY:
        raise ProblemError(422, "invalid_request", f"{_HEADER}: 1 to {_MAX_KEY} characters.", close=True)
    return key


def repeatable(request: Request, key: str | None, *content: str | None) -> RepeatableRequest | None:
    """Return the key with a fingerprint over method, path and `content`; None without a key."""
    if key is None:
        return None
    digest = hashlib.sha256(usedforsecurity=False)
    for part in (request.method, request.url.path, *content):
        text = "" if part is None else part
        digest.update(f"{part is None}:{len(text)}:{text}".encode())
    return RepeatableRequest(key, digest.hexdigest())


def key_reused() -> ProblemError:
    """Return the answer to a key that was used for another request."""
    return ProblemError(409, "idempotency_key_reused", "The Idempotency-Key was used for another request.")
