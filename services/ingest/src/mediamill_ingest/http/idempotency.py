"""`Idempotency-Key`: a client that does not know whether its write arrived may send it again."""

import hashlib
from typing import Annotated

from fastapi import Header, Request

from mediamill_ingest.http.problems import ProblemError
from mediamill_ingest.usecases.accept_upload import RepeatableRequest

MAX_KEY = 200
IdempotencyKeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=MAX_KEY,
        description="Same key and same request: the same answer, nothing new. Another request: 409.",
    ),
]


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
