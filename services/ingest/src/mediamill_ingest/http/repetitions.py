"""Answers a request whose `Idempotency-Key` was used for another one, on routes that change what is there."""

from collections.abc import Iterator
from contextlib import contextmanager

from mediamill_catalog.idempotency import IdempotencyConflictError
from mediamill_web.idempotency import key_reused


@contextmanager
def reused_keys_refused() -> Iterator[None]:
    """Raise ProblemError `idempotency_key_reused` instead of IdempotencyConflictError."""
    try:
        yield
    except IdempotencyConflictError:
        raise key_reused() from None
