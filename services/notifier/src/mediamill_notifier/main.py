"""The notifier's composition: the only file that names concrete adapters."""

from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from mediamill_contracts.topology import NOTIFIER
from mediamill_messaging.rabbitmq import RabbitTransport
from mediamill_messaging.subscription import BroadcastSubscription
from mediamill_notifier.authentication import Authenticator
from mediamill_notifier.gateway import SOCKET_PATH, Gateway
from mediamill_notifier.handlers import notification_routes
from mediamill_notifier.settings import NotifierSettings, SocketSettings
from mediamill_runtime.identity import TokenVerifier, verifier_of
from mediamill_runtime.operations import operations_routes
from mediamill_runtime.service import Service


@dataclass(frozen=True)
class NotifierParts:
    """What a process needs to notify: a gateway whose `app` serves `/socket.io`, and the events it wants."""

    gateway: Gateway
    """Mount its `app` at `gateway.SOCKET_PATH`."""
    broadcast: BroadcastSubscription


def build_app(settings: SocketSettings, verifier: TokenVerifier) -> NotifierParts:
    """Build the notifier around a transport that the caller runs."""
    gateway = Gateway(settings, Authenticator(verifier))
    return NotifierParts(gateway, BroadcastSubscription(NOTIFIER, notification_routes(gateway.send)))


def build_service(settings: NotifierSettings) -> Service:
    """Build the notifier as a process of its own, fed by RabbitMQ."""
    parts = build_app(settings, verifier_of(settings))
    transport = RabbitTransport(
        settings.broker_url.get_secret_value(), service="notifier", broadcasts=(parts.broadcast,)
    )

    async def start() -> None:
        await parts.gateway.start()
        await transport.start()

    async def stop() -> None:
        await transport.stop(settings.shutdown_grace_seconds / 4)
        await parts.gateway.stop()

    routes: list[BaseRoute] = [
        Mount(SOCKET_PATH, parts.gateway.app),
        *operations_routes({"broker": transport.check}),
    ]
    return Service(
        "notifier",
        Starlette(routes=routes),
        start=start,
        stop=stop,
        quiesce=parts.gateway.quiesce,
        max_websocket_bytes=settings.max_frame_bytes,
    )
