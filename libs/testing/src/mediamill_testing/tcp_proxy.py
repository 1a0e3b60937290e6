"""A proxy between a client and a server that can be away, in a fraction of the time that a restart takes.

To its clients, a broker that is stopped and one that cannot be reached are the same: connections break and
new ones are refused. It runs in a thread of its own: the tested program may be in this process or in another.
"""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self
from urllib.parse import urlsplit

from mediamill_testing.ports import free_port, release_port

PIECE_BYTES = 16 * 1024
_LINE_LIMIT_BYTES = 256 * 1024


class TcpProxy:
    """Forwards bytes to `target_url` from a port of its own; a context manager. Any thread may use it."""

    def __init__(self, target_url: str) -> None:
        """Prepare to forward to the host and port of a URL of any scheme; both must be in it."""
        target = urlsplit(target_url)
        if target.hostname is None or target.port is None:
            raise ValueError(f"{target_url} names no host and port")
        self._target_url = target
        self._target = (target.hostname, target.port)
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The target's URL with the proxy's address in it, and all else as it was."""
        user = self._target_url.netloc.rpartition("@")[0]
        place = f"127.0.0.1:{self.port}"
        return self._target_url._replace(netloc=f"{user}@{place}" if user else place).geturl()

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
                self._serve, "127.0.0.1", self.port, limit=_LINE_LIMIT_BYTES
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
            await self._carry((reader, writer), (server_reader, server_writer))
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # whichever side ended, or the test cut: closing both is all there is to do
        finally:
            for each in writers:
                each.close()
            self._connections.discard(task)

    async def _carry(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """Pass on what comes both ways until either side ends."""
        await either(_pass_all(client[0], server[1]), _pass_all(server[0], client[1]))


async def either(*parts: Coroutine[Any, Any, None]) -> None:
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


async def _pass_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE_BYTES):
        writer.write(piece)
        await writer.drain()
