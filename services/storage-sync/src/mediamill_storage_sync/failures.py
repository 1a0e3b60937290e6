"""What an error of a store says about one file: a stable code, and whether trying again may help."""

from dataclasses import dataclass

from mediamill_storage.object_store import (
    CorruptObjectError,
    ObjectNotFoundError,
    StorageFullError,
    StoreUnavailableError,
)
from mediamill_storage.rooted_paths import UnsafeKeyError
from mediamill_storage.s3 import EndpointRefusedError
from mediamill_storage.stores import StoreNotConfiguredError

MAX_DETAIL = 200
_REFUSALS = frozenset(
    {
        "AccessDenied",
        "AuthorizationHeaderMalformed",
        "InvalidAccessKeyId",
        "NoSuchBucket",
        "PermanentRedirect",
        "SignatureDoesNotMatch",
        "403",
    }
)
"""What the server will say again, until somebody changes keys or bucket."""


class LastCopyError(Exception):
    """The other store does not have the object: it must not be removed here."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the other store does not have {key}")


@dataclass(frozen=True)
class Failure:
    """Why a file did not make it; `may_pass` when trying again may help."""

    code: str
    detail: str
    may_pass: bool = False


_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (ObjectNotFoundError, "source_missing"),
    (CorruptObjectError, "checksum_mismatch"),
    (LastCopyError, "last_copy"),
    (StorageFullError, "storage_full"),
    (StoreNotConfiguredError, "s3_not_configured"),
    (EndpointRefusedError, "s3_refused"),
    (UnsafeKeyError, "unsafe_key"),
)
"""Errors that come again, however often the file is tried."""


def failure_of(error: Exception) -> Failure:
    """Judge an error. An unknown one may pass: it says nothing about the file."""
    for kind, code in _KINDS:
        if isinstance(error, kind):
            return Failure(code, _short(error))
    if isinstance(error, StoreUnavailableError):
        refused = error.code in _REFUSALS
        return Failure("s3_refused" if refused else "store_unavailable", _short(error), may_pass=not refused)
    return Failure("unexpected_error", f"{type(error).__name__}: {_short(error)}"[:MAX_DETAIL], may_pass=True)


def _short(error: Exception) -> str:
    """Return the error's words in ASCII, so short that a report on a whole batch fits one message."""
    return str(error).encode("ascii", "replace").decode()[:MAX_DETAIL]
