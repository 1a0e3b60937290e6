"""The dispatcher's composition: the only file that names concrete adapters."""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.applications import Starlette

from mediamill_contracts.call import RequestCall
from mediamill_contracts.call_types import CallType, call_types
from mediamill_contracts.topology import DISPATCHER_CALLS
from mediamill_dispatcher.registry import Registry, build_registry
from mediamill_dispatcher.settings import CallSettings, DispatcherSettings
from mediamill_dispatcher.usecases.run_call import Dispatch, run_call
from mediamill_messaging.rabbitmq import RabbitWorker
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
    """Build the dispatcher as a process of its own, fed by RabbitMQ."""
    worker = RabbitWorker(
        settings.broker_url.get_secret_value(),
        service="dispatcher",
        grace_seconds=settings.shutdown_grace_seconds,
    )
    store = LocalObjectStore(settings.storage_root)
    parts = build_parts(settings, store, worker.publisher)
    worker.consume((parts.subscription,))

    async def stop() -> None:
        await worker.stop()
        await parts.registry.close()
        await store.close()

    checks = {"broker": worker.check, "storage": store.check}
    return Service(
        "dispatcher",
        Starlette(routes=operations_routes(checks)),
        start=worker.start,
        stop=stop,
        quiesce=worker.quiesce,
    )
