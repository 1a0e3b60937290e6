"""A proxy between a client and an HTTP server that fails on demand: how networks and servers really fail.

It forwards bytes as they are, so that signatures over the Host header (the proxy's own address) stay valid;
of the requests it understands just enough to know where one ends and the next begins. It runs in a thread of
its own: the tested program may be in this process or in another.
"""

import asyncio
import math
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from mediamill_testing.ports import free_port, release_port

PIECE_BYTES = 16 * 1024
HEAD_LIMIT_BYTES = 256 * 1024


@dataclass
class _Fault:
    """What happens to the next `times` requests whose first line holds `matching`."""

    kind: Literal["answer", "cut_answer", "cut_request"]
    amount: int
    times: float
    matching: str


class FaultProxy:
    """Forwards to `target_url` from `url`; a context manager. Faults can be told from any thread."""

    def __init__(self, target_url: str) -> None:
        target = urlsplit(target_url)
        self._target = (target.hostname or "127.0.0.1", target.port or 80)
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._faults: list[_Fault] = []
        self._bytes_per_second = math.inf
        self._delay_seconds = 0.0
        self.requests: list[str] = []
        """First line of each request that came, oldest first, failed ones included."""

    @property
    def url(self) -> str:
        """Base URL for the client, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        self.come_back()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close everything."""
        self.go_away()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        release_port(self.port)

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

    def go_away(self) -> None:
        """Break all connections and refuse new ones."""
        self._call(self._stop_listening())

    def come_back(self) -> None:
        """Listen again at the same address."""
        self._call(self._listen())

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._serve, "127.0.0.1", self.port, limit=HEAD_LIMIT_BYTES
            )

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a connection's handler is always a task
        self._connections.add(task)
        writers = [writer]
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
            writers.append(server_writer)
            answers = _Answers(server_reader, writer, self._pass_on)
            await _either(answers.run(), self._pass_requests(reader, server_writer, answers))
        except (OSError, EOFError, asyncio.CancelledError, _CutError):
            pass  # whichever side ended, or the test cut: closing both is all there is to do
        finally:
            for each in writers:
                each.close()
            self._connections.discard(task)

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


class _CutError(Exception):
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


async def _either(*parts: Coroutine[Any, Any, None]) -> None:
    """Run both until one ends, and raise what it raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


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
