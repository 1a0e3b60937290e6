"""A request's body as it arrives, from clients that may be slow, endless, or gone."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import Request

from mediamill_web.problems import ProblemError


@dataclass(frozen=True)
class BodyPace:
    """How slow a client may be before its upload is given up."""

    idle_seconds: float = 15.0
    """Longest silence."""
    grace_seconds: float = 20.0
    """Time before the average counts. Only waiting for the client does, not what the server takes."""
    min_bytes_per_second: int = 8 * 1024
    """Least average; far below any mobile network, above what it takes to hold connections for nothing."""


async def body_stream(request: Request, *, max_bytes: int, pace: BodyPace) -> AsyncIterator[bytes]:
    """Yield the body's chunks.

    Raises ProblemError: `body_too_large`, `slow_body`, or `client_disconnected`: nobody is left to answer.
    """
    _check_announced_size(request, max_bytes)
    clock = asyncio.get_running_loop().time
    waited, received = 0.0, 0
    more = True
    while more:
        asked = clock()
        average_until = asked + pace.grace_seconds + received / pace.min_bytes_per_second - waited
        try:
            async with asyncio.timeout_at(min(asked + pace.idle_seconds, average_until)):
                message = await request.receive()
        except TimeoutError:
            raise ProblemError(408, "slow_body", "The upload came too slowly.", close=True) from None
        waited += clock() - asked
        if message["type"] == "http.disconnect":
            raise ProblemError(499, "client_disconnected", "The client went away.")
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        received += len(chunk)
        if received > max_bytes:
            raise _too_large(max_bytes)
        if chunk:
            yield chunk
        del message, chunk  # or each waiting client would keep its last quarter of a megabyte in memory


def _check_announced_size(request: Request, max_bytes: int) -> None:
    announced = request.headers.get("content-length")
    if announced is not None and announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> ProblemError:
    detail = f"The request is larger than the {max_bytes / 1_000_000:g} MB allowed."
    return ProblemError(413, "body_too_large", detail, close=True)
