"""Throws away what a refused client still sends, within limits."""

import asyncio
from contextlib import suppress

from starlette.types import Receive

DRAIN_SECONDS = 2.0
DRAIN_BYTES = 16 * 1024 * 1024


async def drain(receive: Receive) -> None:
    """Read until the body ends, the client goes away, or one of the limits is reached."""
    remaining = DRAIN_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while remaining > 0:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
                remaining -= len(message.get("body", b""))
