"""An HTTP client that costs next to nothing: it shares two cores with what it measures.

Requests are rendered once, sent as they lie in memory, and of the answer only status and body are read.
"""

import asyncio
import json
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

ANSWER_SECONDS = 120.0
READ_BYTES = 64 * 1024
IDLE_SECONDS = 2.0


@dataclass(frozen=True)
class Answer:
    """Status, decoded JSON body, and seconds from the first byte sent to the last received."""

    status: int
    body: Any
    seconds: float


class Request(Protocol):
    """What is sent again and again; every call of `head` is another request."""

    body: list[bytes]
    """The same each time, in pieces that are sent as they are."""

    def head(self) -> bytes:
        """Return the request line and headers, up to the empty line."""


class Connection:
    """One keep-alive connection to a server. Sends from the request's own buffer: nothing is copied."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def open(self) -> None:
        """Connect."""
        address = (self._address.hostname, self._address.port)
        await asyncio.get_running_loop().sock_connect(self._socket, address)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    async def send(self, request: Request) -> Answer:
        """Send a whole request and wait for the whole answer."""
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        async with asyncio.timeout(ANSWER_SECONDS):
            await loop.sock_sendall(self._socket, request.head())
            for part in request.body:
                await loop.sock_sendall(self._socket, part)
            status, body = await self._answer()
        return Answer(status, json.loads(body) if body else None, time.perf_counter() - started)

    async def _answer(self) -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        received, wanted = bytearray(), 0
        while not wanted or len(received) < wanted:
            chunk = await loop.sock_recv(self._socket, READ_BYTES)
            if not chunk:
                raise ConnectionError(f"the server hung up after {bytes(received[:200])!r}")
            received += chunk
            end = received.find(b"\r\n\r\n")
            if not wanted and end >= 0:
                head = bytes(received[:end]).lower()
                length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
                wanted = end + 4 + length
        return int(received[9:12]), bytes(received[wanted - length : wanted])


class UploadRequest:
    """`POST` of files as multipart/form-data; every call of `head` is another upload."""

    def __init__(
        self,
        path: str,
        files: Sequence[Path],
        *,
        headers: Mapping[str, str],
        field: str = "file",
        media_type: str = "image/jpeg",
    ) -> None:
        boundary = secrets.token_hex(16)
        contents = {file: file.read_bytes() for file in set(files)}
        opening = f'--{boundary}\r\nContent-Disposition: form-data; name="entityType"\r\n\r\ngeneral'
        self.body = [opening.encode()]
        for file in files:
            disposition = f'Content-Disposition: form-data; name="{field}"; filename="{file.name}"'
            part = f"\r\n--{boundary}\r\n{disposition}\r\nContent-Type: {media_type}\r\n\r\n"
            self.body += [part.encode(), contents[file]]
        self.body.append(f"\r\n--{boundary}--\r\n".encode())
        if len(files) == 1:
            self.body = [b"".join(self.body)]
        length = sum(map(len, self.body))
        given = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: benchmark\r\n{given}Content-Length: {length}\r\n"
            f"Content-Type: multipart/form-data; boundary={boundary}\r\n"
        )

    def head(self) -> bytes:
        """Return the request line and headers, with an idempotency key of its own."""
        return f"{self._head}Idempotency-Key: {secrets.token_hex(16)}\r\n\r\n".encode()


async def closed_loop(url: str, request: Request, *, clients: int, uploads: int) -> list[Answer]:
    """Let `clients` send one upload after the other, without a pause, until `uploads` were answered."""
    remaining = iter(range(uploads))
    answers: list[Answer] = []

    async def client() -> None:
        async with Connection(url) as connection:
            answers.extend([await connection.send(request) for _ in remaining])

    await asyncio.gather(*(client() for _ in range(clients)))
    return answers


async def steady_rate(url: str, request: Request, *, per_second: float, seconds: float) -> list[Answer]:
    """Begin uploads at fixed times, whether or not earlier ones were answered.

    The clock of each starts when it was due, so that a stall of the server counts for all that it delays.
    """
    free: list[tuple[float, Connection]] = []
    answers: list[Answer] = []
    began = time.perf_counter()

    async def upload(due: float) -> None:
        connection = await _fresh(free, url)
        answer = await connection.send(request)
        ended = time.perf_counter()
        free.append((ended, connection))
        answers.append(Answer(answer.status, answer.body, ended - due))

    uploads = []
    for index in range(round(per_second * seconds)):
        due = began + index / per_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        uploads.append(asyncio.create_task(upload(due)))
    await asyncio.gather(*uploads)
    for _, connection in free:
        connection.close()
    return answers


async def _fresh(free: list[tuple[float, Connection]], url: str) -> Connection:
    """Return the connection used last, or a new one: servers hang up on those that idle."""
    while free:
        used, connection = free.pop()
        if time.perf_counter() - used < IDLE_SECONDS:
            return connection
        connection.close()
    connection = Connection(url)
    await connection.open()
    return connection
