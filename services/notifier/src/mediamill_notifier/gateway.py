"""The Socket.IO server: lets callers in, keeps them within limits, and tells them what happened.

Clients only listen. Whatever else they send is ignored, so the limits here guard connections and memory.
"""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any

import socketio
import structlog
from socketio.exceptions import ConnectionRefusedError as SocketIORefusal
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mediamill_notifier.authentication import Authenticator, RefusedError
from mediamill_notifier.connections import Connections
from mediamill_notifier.metrics import CONNECTIONS_REFUSED, EVENTS_SENT
from mediamill_notifier.notifications import Notification, user_room
from mediamill_notifier.packets import TextPacket
from mediamill_notifier.settings import SocketSettings

SOCKET_PATH = "/socket.io"
_CLOSE_SECONDS = 2.0
_log = structlog.get_logger(__name__)


class Gateway:
    """Sockets of one replica. `app` is to be mounted at `SOCKET_PATH`; `start` and `stop` frame its life."""

    def __init__(self, settings: SocketSettings, authenticator: Authenticator) -> None:
        self._settings = settings
        self._authenticator = authenticator
        self._connections = Connections()
        self._closing = False
        self._background: set[asyncio.Task[None]] = set()
        library_log = logging.getLogger("mediamill_notifier.socketio")
        library_log.setLevel(logging.WARNING)  # below, it describes every packet
        self._server = socketio.AsyncServer(
            async_mode="asgi",
            serializer=TextPacket,
            cors_allowed_origins=list(settings.allowed_origins) or None,
            max_http_buffer_size=settings.max_frame_bytes,
            ping_interval=settings.ping_interval_seconds,
            ping_timeout=settings.ping_timeout_seconds,
            logger=library_log,
            engineio_logger=library_log,
        )
        self._server.on("connect", self._on_connect)
        self._server.on("disconnect", self._on_disconnect)
        self._socket_app: ASGIApp = socketio.ASGIApp(self._server, socketio_path=None)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve Socket.IO; a new session is turned away while there is no room for it."""
        if b"sid=" not in scope.get("query_string", b"") and not self._has_room():
            CONNECTIONS_REFUSED.labels("server_full").inc()
            await _turn_away(scope, receive, send)
            return
        await self._socket_app(scope, receive, send)

    async def start(self) -> None:
        """Begin to watch over connections that never authenticate."""
        self._spawn(self._close_strangers())

    async def quiesce(self) -> None:
        """Let no new session in and close the others; their clients reconnect to another replica."""
        self._closing = True
        await asyncio.gather(*(self._close_session(session) for session in list(self._server.eio.sockets)))

    async def stop(self) -> None:
        """Close what is left and end the background tasks."""
        await self.quiesce()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._server.eio.service_task_handle is not None:
            await self._server.shutdown()

    async def send(self, notification: Notification) -> None:
        """Tell everybody in the notification's room; nobody there is no error."""
        sockets = self._connections.count(notification.room)
        if sockets:
            await self._server.emit(notification.name, notification.payload, room=notification.room)
            EVENTS_SENT.labels(notification.name).inc(sockets)

    def listeners(self, room: str) -> int:
        """Return how many authenticated sockets are in `room`."""
        return self._connections.count(room)

    def _has_room(self) -> bool:
        return not self._closing and len(self._server.eio.sockets) < self._settings.max_sockets

    async def _on_connect(self, socket: str, environ: dict[str, Any], auth: Any) -> None:
        try:
            caller = await self._authenticator.authenticate(auth, environ.get("HTTP_COOKIE", ""))
            if self._connections.count(user_room(caller.user_id)) >= self._settings.max_sockets_per_user:
                raise RefusedError("too_many_sockets", "too many connections of this user")
        except RefusedError as refusal:
            CONNECTIONS_REFUSED.labels(refusal.code).inc()
            raise SocketIORefusal(str(refusal), {"code": refusal.code}) from None
        session = self._server.manager.eio_sid_from_sid(socket, "/")
        seconds = max(0.0, caller.expires_at - time.time())
        self._connections.add(socket, session, caller, seconds, lambda: self._spawn(self._expire(socket)))
        for room in caller.rooms:
            await self._server.enter_room(socket, room)

    async def _on_disconnect(self, socket: str, _reason: str) -> None:
        self._connections.remove(socket)

    async def _expire(self, socket: str) -> None:
        """Disconnect so that the client does not reconnect by itself: it needs a new token first."""
        _log.info("token expired, socket closed", socket=socket)
        await self._server.disconnect(socket)

    async def _close_strangers(self) -> None:
        """Close sessions that are without an authenticated socket for longer than the handshake may take.

        Sockets whose session ended unnoticed are forgotten on the way.
        """
        seen: dict[str, float] = {}
        while True:
            await asyncio.sleep(self._settings.handshake_seconds / 4)
            self._connections.keep_only(self._server.eio.sockets)
            now = time.monotonic()
            strangers = set(self._server.eio.sockets) - self._connections.sessions()
            seen = {session: seen.get(session, now) for session in strangers}
            for session, since in seen.items():
                if now - since >= self._settings.handshake_seconds:
                    CONNECTIONS_REFUSED.labels("handshake_timeout").inc()
                    self._spawn(self._close_session(session))

    async def _close_session(self, session: str) -> None:
        """Close one transport; the end mark in its queue makes the library close a WebSocket as well."""
        transport = self._server.eio.sockets.get(session)
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._server.eio.disconnect(session)
        if transport is not None and transport.upgraded:
            transport.queue.put_nowait(None)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _turn_away(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1013, "reason": "try again later"})
        return
    response = JSONResponse(
        {"code": "server_full", "message": "try again later"}, 503, headers={"Retry-After": "5"}
    )
    await response(scope, receive, send)
