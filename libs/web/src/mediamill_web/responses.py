"""How the API's description lists refusals: always problem documents."""

from typing import Any

from mediamill_web.problems import MEDIA_TYPE
from mediamill_web.schemas import Problem

_MEANINGS = {
    400: "The request is bad; `code` says how",
    401: "Not signed in",
    403: "The role is missing, or the request comes from another site's page",
    404: "Not there, or not yours",
    408: "The body came too slowly",
    409: "It is in a state that does not allow this, or the Idempotency-Key was used for another request",
    410: "Its time is over",
    412: "Not the one that `If-Match` names",
    413: "Too large",
    415: "Not a type that is accepted",
    422: "A parameter is not valid",
    429: "Too often; `Retry-After` says when again",
    503: "Something that this needs does not answer now; `Retry-After` says when to try again",
    507: "No room",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of the refusals with these statuses."""
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}},
        }
        for status in statuses
    }
