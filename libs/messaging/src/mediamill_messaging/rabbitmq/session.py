"""One session is the lifetime of a pair of connections that are lost together.

One of them is for publishing, broadcasts and dead letters, the other for FastStream's consumers.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from aio_pika.abc import AbstractConnection
from faststream.rabbit import RabbitBroker

CLOSE_SECONDS = 5.0
"""Time for one connection to be closed in good order."""

logger = structlog.get_logger(__name__)


class Session:
    """The connections of one lifetime, and the signs that they are in use and that one of them was lost."""

    def __init__(self, connection: AbstractConnection) -> None:
        self.connection = connection
        self.broker: RabbitBroker | None = None
        self.lost = asyncio.Event()
        self.opened = asyncio.Event()
        """Set when all consumers run: the first of them may have handlers running long before."""
        self._connections: list[AbstractConnection] = []
        self.watch(connection)

    def watch(self, connection: AbstractConnection) -> None:
        """Count a connection among those without which the session cannot go on."""
        self._connections.append(connection)
        connection.close_callbacks.add(self.end)

    def end(self, *_: object) -> None:
        """Count the session as lost, whichever callback tells."""
        self.lost.set()

    async def close(self) -> None:
        """Close the connections, which cancels running handlers; a peer that is gone is not waited for.

        Connections go first: FastStream's own would otherwise go on reconnecting while its broker stops.
        """
        self.opened.set()
        await asyncio.gather(*(_close_in_time(connection.close) for connection in self._connections))
        if self.broker is not None:
            await _close_in_time(self.broker.stop)


def report(log: Callable[..., object], event: str, **details: str) -> None:
    """Log, or go on without: a log that fails may cost a line, not the connection."""
    with suppress(Exception):
        log(event, **details)


def is_being_cancelled() -> bool:
    """Tell a cancellation that somebody asked for from one of the client library's own.

    It cancels what it waits for when a channel or connection breaks, and whoever waits for that is hit.
    """
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


async def _close_in_time(close: Callable[[], Awaitable[None]]) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await close()
    except Exception as error:  # noqa: BLE001 - there is nothing left to lose
        report(
            logger.debug, "connection was not closed in good order", error=f"{type(error).__name__}: {error}"
        )
