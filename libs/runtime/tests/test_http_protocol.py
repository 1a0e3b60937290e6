"""Bodies reach the application as they were sent, whatever pieces they come in."""

import asyncio
import hashlib
import random

import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from mediamill_runtime.http_protocol import StreamingProtocol

SIZES = (1, 1, 100, 70_000, 5, 256_000, 800_001, 64, 9_000)
"""Of the pieces in which a body is sent."""


async def _digest(_scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the hash of the body, and take it slowly enough that pieces meet others that wait."""
    digest, more = hashlib.sha256(), True
    while more:
        message = await receive()
        await asyncio.sleep(0)
        digest.update(message["body"])
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"64")]})
    await send({"type": "http.response.body", "body": digest.hexdigest().encode()})


async def _send(port: int, seed: int) -> None:
    """Send several requests over one connection, with and without chunked encoding."""
    chance = random.Random(seed)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for chunked in (False, True, False):
        pieces = [chance.randbytes(size) for size in chance.sample(SIZES, len(SIZES))]
        body = b"".join(pieces)
        length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
        writer.write(b"POST / HTTP/1.1\r\nHost: test\r\n" + length + b"\r\n\r\n")
        for piece in pieces:
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n" if chunked else b"")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(64) == hashlib.sha256(body).hexdigest().encode()
    writer.close()


def test_bodies_arrive_whole_and_in_order() -> None:
    """Several connections at once, several requests on each, pieces large and small."""

    async def exchange() -> None:
        config = uvicorn.Config(_digest, lifespan="off", log_config=None)
        state = ServerState()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: StreamingProtocol(config, state, {}), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        await asyncio.gather(*(_send(port, seed) for seed in range(4)))
        server.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(exchange())
