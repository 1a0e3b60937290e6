"""JSON bodies read as carefully as uploads: bounded in size, and not from clients that never finish."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from mediamill_web.body_stream import body_stream
from mediamill_web.parts import WebParts
from mediamill_web.problems import ProblemError

M = TypeVar("M", bound=BaseModel)


async def json_body(request: Request, parts: WebParts, model: type[M], *, max_bytes: int) -> M:
    """Return the body as `model`; raises ProblemError `invalid_request`, or those of `body_stream`."""
    body = bytearray()
    async for chunk in body_stream(request, max_bytes=max_bytes, pace=parts.pace):
        body += chunk
    try:
        return model.model_validate_json(bytes(body))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise ProblemError(422, "invalid_request", f"{where}: {first['msg']}") from None


def described(model: type[BaseModel]) -> dict[str, Any]:
    """Return the part of an OpenAPI request body that describes `model` as JSON."""
    return {"application/json": {"schema": model.model_json_schema()}}
