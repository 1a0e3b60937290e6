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
        fields = [
            {"field": ".".join(str(part) for part in found["loc"]) or "body", "message": found["msg"]}
            for found in error.errors(include_input=False)
        ]
        detail = f"{fields[0]['field']}: {fields[0]['message']}"
        raise ProblemError(422, "invalid_request", detail, errors=fields) from None


def described(model: type[BaseModel]) -> dict[str, Any]:
    """Return the part of an OpenAPI request body that describes `model` as JSON."""
    return {"application/json": {"schema": model.model_json_schema()}}
