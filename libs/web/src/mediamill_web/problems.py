"""Every refusal as a problem document (RFC 9457) with a stable `code` that clients can act on.

`detail` of a ProblemError is written for the caller. Of any other error nothing leaves the server in
production: the trace id in the answer finds it in the logs.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from mediamill_database import is_unavailable
from mediamill_runtime.telemetry import current_trace_id
from mediamill_web.draining import drain

MEDIA_TYPE = "application/problem+json"
_CODES = {
    401: "not_signed_in",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
}
RETRY_AFTER = {"Retry-After": "5"}
_log = structlog.get_logger(__name__)


class ProblemError(Exception):
    """Ends a request with a problem document.

    `close` tells that the request's body was not read to its end: the connection cannot be used again.
    `errors` name the fields that are wrong, each with `field` and `message`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        close: bool = False,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers
        self.close = close
        self.errors = errors


def not_found() -> ProblemError:
    """Return the answer for what does not exist, and for what is none of the caller's business."""
    return ProblemError(404, "not_found", "There is nothing here, or it is not yours.")


def problem_document(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    """Return the document; `more` are extension members."""
    document = {
        "type": "about:blank",
        "title": _title(status),
        "status": status,
        "detail": detail,
        "code": code,
        "traceId": current_trace_id(),
    }
    return {**document, **more}


def _title(status: int) -> str:
    return "Client Closed Request" if status == 499 else HTTPStatus(status).phrase


class ProblemResponse(JSONResponse):
    """A problem document as an answer."""

    media_type = MEDIA_TYPE

    def __init__(
        self, status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(problem_document(status, code, detail, **more), status, headers)


class ClosingProblemResponse(ProblemResponse):
    """Answers while the client may still be sending, then closes.

    Closing at once would reset the connection, and the client would never see why. So the answer goes out
    first, whatever still comes is thrown away for a moment, and then the connection ends.
    """

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, drain, close."""
        self.headers["connection"] = "close"
        start: Message = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await drain(receive)
        await send({"type": "http.response.body", "body": b""})


def install_problem_handlers(app: FastAPI, *, show_details: bool) -> None:
    """Make every error that leaves a route a problem document; `show_details` outside of production only."""

    async def on_problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)  # noqa: S101 - registered for this type
        kind = ClosingProblemResponse if error.close else ProblemResponse
        more = {"errors": list(error.errors)} if error.errors else {}
        return kind(error.status, error.code, error.detail, error.headers, **more)

    async def on_http_exception(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type
        code = _CODES.get(error.status_code, "bad_request")
        headers = dict(error.headers) if error.headers else None
        return ProblemResponse(error.status_code, code, HTTPStatus(error.status_code).phrase, headers)

    async def on_invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type
        fields = [
            {"field": ".".join(str(part) for part in found["loc"]), "message": found["msg"]}
            for found in error.errors()
        ]
        return ProblemResponse(422, "invalid_request", "The request is not valid.", errors=fields)

    async def on_outage(request: Request, error: Exception) -> Response:
        if not is_unavailable(error):
            raise error
        _log.warning("the database does not answer", path=request.url.path, error=repr(error))
        detail = "The database does not answer now; the request may be sent again."
        return ProblemResponse(503, "database_unavailable", detail, RETRY_AFTER)

    async def on_unexpected(_request: Request, error: Exception) -> Response:
        _log.error("request failed", exc_info=error)
        detail = f"{type(error).__name__}: {error}" if show_details else "Something went wrong on our side."
        return ProblemResponse(500, "internal_error", detail)

    app.add_exception_handler(ProblemError, on_problem)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(SQLAlchemyError, on_outage)
    app.add_exception_handler(OSError, on_outage)
    app.add_exception_handler(Exception, on_unexpected)
