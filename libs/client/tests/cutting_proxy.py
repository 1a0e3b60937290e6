"""A proxy that cuts connections half way, as a bad network or a dying server does."""

import asyncio
from collections import deque
from contextlib import suppress


class CuttingProxy:
    """Passes bytes through, but resets the first connections once they sent or were sent so much."""

    def __init__(self, target: str) -> None:
        self._port = int(target.rsplit(":", 1)[1])
        self.url = ""
        self.cut_after_sent: deque[int] = deque()
        """For each connection to come: request bytes after which it dies."""
        self.cut_answers = 0
        """Connections to come whose answer is lost after the server made it."""
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        self.connections += 1
        limit = self.cut_after_sent.popleft() if self.cut_after_sent else None
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        answers = asyncio.create_task(self._carry_answers(there_reader, writer))
        passed = 0
        with suppress(ConnectionError):
            while chunk := await reader.read(16_384):
                passed += len(chunk)
                if limit is not None and passed > limit:
                    writer.transport.abort()
                    break
                there_writer.write(chunk)
                await there_writer.drain()
        there_writer.close()
        answers.cancel()

    async def _carry_answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(16_384):
            if self.cut_answers > 0:
                self.cut_answers -= 1
                writer.transport.abort()
                return
            writer.write(chunk)
            await writer.drain()
        writer.close()
