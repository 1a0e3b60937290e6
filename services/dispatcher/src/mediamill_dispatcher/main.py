"""The dispatcher's composition: the only file that names concrete adapters."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.applications import Starlette

from mediamill_contracts.call import RequestCall
from mediamill_contracts.call_types import CallType, call_types
from mediamill_contracts.topology import DISPATCHER_CALLS
from mediamill_dispatcher.registry import Registry, build_registry
from mediamill_dispatcher.settings import CallSettings, DispatcherSettings
from mediamill_dispatcher.usecases.run_call import Dispatch, run_call
from mediamill_messaging.rabbitmq import RabbitTransport
from mediamill_messaging.subscription import Delivery, Subscription, route
from mediamill_messaging.transport import Publisher
from mediamill_runtime.operations import operations_routes
from mediamill_runtime.service import Service
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.object_store import ObjectStore


@dataclass(frozen=True)
class DispatcherParts:
    """What a process needs to make calls."""

    subscription: Subscription
    registry: Registry


def build_parts(
    settings: CallSettings,
    store: ObjectStore,
    publisher: Publisher,
    kinds: Iterable[CallType] | None = None,
) -> DispatcherParts:
    """Build the dispatcher around a transport that the caller runs; `kinds` are all installed ones."""
    registry = build_registry(
        call_types().values() if kinds is None else kinds,
        breaker_failures=settings.breaker_failures,
        breaker_seconds=settings.breaker_seconds,
    )
    dispatch = Dispatch(registry, store, publisher, show_details=settings.env == "dev")

    async def on_call_requested(call: RequestCall, delivery: Delivery) -> None:
        """Make an attempt, publish how the call ended, and wait for the confirm."""
        await publisher.publish(await run_call(dispatch, call, failures=delivery.failures))

    subscription = Subscription(
        DISPATCHER_CALLS, (route(RequestCall, on_call_requested),), concurrency=registry.concurrency
    )
    return DispatcherParts(subscription, registry)


def build_service(settings: DispatcherSettings) -> Service:
    """Build the dispatcher as a process of its own, fed by RabbitMQ.

    It publishes on a transport apart from the one it consumes on, which is stopped first: a call that ends
    during the stop still gets its result out.
    """
    broker = settings.broker_url.get_secret_value()
    store = LocalObjectStore(settings.storage_root)
    outgoing = RabbitTransport(broker, service="dispatcher")
    parts = build_parts(settings, store, outgoing.publisher)
    incoming = RabbitTransport(broker, service="dispatcher", subscriptions=(parts.subscription,))
    half_the_grace = settings.shutdown_grace_seconds / 2

    async def start() -> None:
        await outgoing.start()
        await incoming.start()

    async def quiesce() -> None:
        await incoming.drain(time.monotonic() + half_the_grace * 0.95)

    async def stop() -> None:
        await incoming.stop(half_the_grace * 0.7)
        await outgoing.stop(grace_seconds=1)
        await parts.registry.close()
        await store.close()

    checks = {"broker": incoming.check, "storage": store.check}
    return Service(
        "dispatcher", Starlette(routes=operations_routes(checks)), start=start, stop=stop, quiesce=quiesce
    )
