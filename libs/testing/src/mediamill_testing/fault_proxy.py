"""A proxy between a client and an HTTP server that fails on demand: how networks and servers really fail.

It forwards bytes as they are, so that signatures over the Host header (the proxy's own address) stay valid;
of the requests it understands just enough to know where one ends and the next begins.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from mediamill_testing.tcp_proxy import PIECE_BYTES, TcpProxy, either


@dataclass
class _Fault:
    """What happens to the next `times` requests whose first line holds `matching`."""

    kind: Literal["answer", "cut_answer", "cut_request"]
    amount: int
    times: float
    matching: str


class FaultProxy(TcpProxy):
    """Forwards requests to `target_url` from `url`, which has no slash at the end if that has none."""

    def __init__(self, target_url: str) -> None:
        super().__init__(target_url)
        self._faults: list[_Fault] = []
        self._bytes_per_second = math.inf
        self._delay_seconds = 0.0
        self.requests: list[str] = []
        """First line of each request that came, oldest first, failed ones included."""

    def answer(self, status: int, *, times: float = math.inf, matching: str = "") -> None:
        """Answer the next `times` requests with this status, without asking the server."""
        self._faults.append(_Fault("answer", status, times, matching))

    def cut_answers(self, after_bytes: int, *, times: float = math.inf, matching: str = "") -> None:
        """Close the connection after so many bytes of the answer, its head included."""
        self._faults.append(_Fault("cut_answer", after_bytes, times, matching))

    def cut_requests(self, after_bytes: int, *, times: float = math.inf, matching: str = "") -> None:
        """Close the connection after so many bytes of the request's body."""
        self._faults.append(_Fault("cut_request", after_bytes, times, matching))

    def slow_down(self, *, bytes_per_second: float = math.inf, delay_seconds: float = 0.0) -> None:
        """Pass on so many bytes a second each way, and begin each request after a delay."""
        self._bytes_per_second, self._delay_seconds = bytes_per_second, delay_seconds

    def heal(self) -> None:
        """Forget all faults told so far; a proxy that is away stays away."""
        self._faults.clear()
        self.slow_down()

    async def _carry(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        answers = _Answers(server[0], client[1], self._pass_on)
        await either(answers.run(), self._pass_requests(client[0], server[1], answers))

    async def _pass_requests(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, answers: "_Answers"
    ) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            line = head.partition(b"\r\n")[0].decode(errors="replace")
            self.requests.append(line)
            await asyncio.sleep(self._delay_seconds)
            fault = self._take(line)
            if fault is not None and fault.kind == "answer":
                await _refuse(reader, head, answers.client, fault.amount)
                continue
            answers.left = fault.amount if fault is not None and fault.kind == "cut_answer" else math.inf
            server.write(head)
            left = fault.amount if fault is not None and fault.kind == "cut_request" else math.inf
            async for piece in _body(reader, head):
                await self._pass_on(server, piece[: int(min(left, len(piece)))])
                left -= len(piece)
                if left < 0:
                    raise _CutError

    async def _pass_on(self, writer: asyncio.StreamWriter, piece: bytes) -> None:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(len(piece) / self._bytes_per_second)

    def _take(self, line: str) -> _Fault | None:
        """Return the first fault told for such a request, and count it."""
        for fault in self._faults:
            if fault.times > 0 and fault.matching in line:
                fault.times -= 1
                return fault
        return None


class _CutError(EOFError):
    """The test wants this connection cut here."""


class _Answers:
    """Passes one connection's answers to the client, up to `left` bytes."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        client: asyncio.StreamWriter,
        pass_on: Callable[[asyncio.StreamWriter, bytes], Awaitable[None]],
    ) -> None:
        self.client = client
        self.left = math.inf
        self._reader = reader
        self._pass_on = pass_on

    async def run(self) -> None:
        """Pass on until the server closes the connection or the bytes are used up."""
        while piece := await self._reader.read(PIECE_BYTES):
            await self._pass_on(self.client, piece[: int(min(self.left, len(piece)))])
            self.left -= len(piece)
            if self.left < 0:
                raise _CutError


async def _refuse(
    reader: asyncio.StreamReader, head: bytes, client: asyncio.StreamWriter, status: int
) -> None:
    """Answer instead of the server; a client that waits before it sends its body sends none."""
    waits = _header(head, b"expect") is not None
    if not waits:
        async for _ in _body(reader, head):
            pass
    client.write(b"HTTP/1.1 %d Fault\r\nContent-Length: 0\r\n" % status)
    client.write(b"Connection: close\r\n\r\n" if waits else b"\r\n")
    await client.drain()
    if waits:
        raise _CutError


async def _body(reader: asyncio.StreamReader, head: bytes) -> AsyncIterator[bytes]:
    """Yield a request's body as it is on the wire (RFC 9112, section 6)."""
    if _header(head, b"transfer-encoding") is not None:
        while True:
            size = await reader.readuntil(b"\r\n")
            chunk = int(size.partition(b";")[0], 16)
            yield size
            async for piece in _exactly(reader, chunk + 2):
                yield piece
            if chunk == 0:
                return
    else:
        async for piece in _exactly(reader, int(_header(head, b"content-length") or 0)):
            yield piece


async def _exactly(reader: asyncio.StreamReader, count: int) -> AsyncIterator[bytes]:
    while count > 0:
        piece = await reader.read(min(count, PIECE_BYTES))
        if not piece:
            raise EOFError
        count -= len(piece)
        yield piece


def _header(head: bytes, name: bytes) -> bytes | None:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip()
    return None
