"""Who is connected: the one place that knows which socket belongs to whom, and until when."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass

from mediamill_notifier.metrics import SOCKETS
from mediamill_notifier.notifications import OPERATORS, user_room


@dataclass(frozen=True)
class Caller:
    """Whom a token speaks for."""

    user_id: str
    is_operator: bool
    expires_at: float
    """Unix time in seconds."""

    @property
    def rooms(self) -> tuple[str, ...]:
        """Rooms that the caller's sockets join."""
        own = user_room(self.user_id)
        return (own, OPERATORS) if self.is_operator else (own,)


@dataclass(frozen=True)
class _Connection:
    session: str
    caller: Caller
    expiry: asyncio.TimerHandle


class Connections:
    """Authenticated sockets by room."""

    def __init__(self) -> None:
        self._by_socket: dict[str, _Connection] = {}
        self._rooms: defaultdict[str, set[str]] = defaultdict(set)

    def add(
        self, socket: str, session: str, caller: Caller, seconds: float, expire: Callable[[], None]
    ) -> None:
        """Register `socket` of the transport `session`; call `expire` after `seconds` unless it is gone."""
        expiry = asyncio.get_running_loop().call_later(seconds, expire)
        self._by_socket[socket] = _Connection(session, caller, expiry)
        for room in caller.rooms:
            self._rooms[room].add(socket)
        SOCKETS.inc()

    def remove(self, socket: str) -> None:
        """Forget `socket`; nothing happens when it is not known."""
        connection = self._by_socket.pop(socket, None)
        if connection is None:
            return
        connection.expiry.cancel()
        for room in connection.caller.rooms:
            self._rooms[room].discard(socket)
            if not self._rooms[room]:
                del self._rooms[room]
        SOCKETS.dec()

    def count(self, room: str) -> int:
        """Return how many sockets are in `room`."""
        return len(self._rooms.get(room, ()))

    def keep_only(self, sessions: Collection[str]) -> None:
        """Forget the sockets of all other sessions, as of one that ended while its token was verified."""
        gone = [socket for socket, known in self._by_socket.items() if known.session not in sessions]
        for socket in gone:
            self.remove(socket)

    def sessions(self) -> set[str]:
        """Return the transport sessions that have an authenticated socket."""
        return {connection.session for connection in self._by_socket.values()}
