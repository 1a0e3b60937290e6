"""What can go wrong, as types: callers branch on classes and stable codes, never on message texts."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID


class MediamillError(Exception):
    """Anything that this package raises on purpose."""


class ServerUnreachableError(MediamillError):
    """No answer came, however often it was tried; what was asked may or may not have happened."""


class UnexpectedAnswerError(MediamillError):
    """Something answered that does not speak this API: a wrong address or a proxy in between."""


class WaitTimeoutError(MediamillError):
    """A job was not finished when the caller's patience ended; the job itself goes on."""

    def __init__(self, job_id: UUID, seconds: float) -> None:
        super().__init__(f"job {job_id} was not finished after {seconds:g} s")
        self.job_id = job_id


class ProblemError(MediamillError):
    """The server said no, with a problem document (RFC 9457).

    `code` is stable and made to be compared; `detail` is a sentence for people; `trace_id` finds the
    request in the server's logs.
    """

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(document.get("code") or f"http_{status}")
        self.title = str(document.get("title") or "")
        self.detail = str(document.get("detail") or self.title)
        trace_id = document.get("traceId")
        self.trace_id = None if trace_id is None else str(trace_id)
        super().__init__(f"{self.detail} ({self.code})" if self.detail else self.code)


class NotAuthenticatedError(ProblemError):
    """401: there is no valid token, or it expired."""


class PermissionDeniedError(ProblemError):
    """403: the role does not allow it."""


class NotFoundError(ProblemError):
    """404: there is no such object, or it is a stranger's."""


class ConflictError(ProblemError):
    """409: it contradicts what is there, such as an idempotency key that was used for another body."""


class RefusedError(ProblemError):
    """400, 413, 415 or 422: the upload or request itself is not acceptable, and will not be later."""


class RateLimitedError(ProblemError):
    """429: too much at once, still after the allowed number of tries."""


class ServerError(ProblemError):
    """5xx: the server failed, still after the allowed number of tries."""


_BY_STATUS: Mapping[int, type[ProblemError]] = {
    400: RefusedError,
    401: NotAuthenticatedError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: RefusedError,
    415: RefusedError,
    422: RefusedError,
    429: RateLimitedError,
}


def problem(status: int, document: Mapping[str, Any]) -> ProblemError:
    """Return the exception for a problem document, by its HTTP status."""
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else ProblemError)
    return kind(status, document)
