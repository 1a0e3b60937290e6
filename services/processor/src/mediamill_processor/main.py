"""The processor's composition: the only file that names concrete adapters."""

import time
from dataclasses import dataclass

from starlette.applications import Starlette

from mediamill_contracts.media import MediaAccepted
from mediamill_contracts.topology import PROCESSOR_IMAGES, PROCESSOR_IMAGES_BULK
from mediamill_messaging.rabbitmq import RabbitTransport
from mediamill_messaging.subscription import Subscription, route
from mediamill_messaging.transport import Publisher
from mediamill_processor.handlers import ImageHandlers
from mediamill_processor.progress import ProgressAnnouncer
from mediamill_processor.sandbox.pool import PoolLimits, SandboxPool
from mediamill_processor.settings import ProcessorSettings
from mediamill_runtime.operations import operations_routes
from mediamill_runtime.service import Service
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.stores import Stores

_MEGA = 1_000_000
_QUEUED_PER_CHILD = 2
"""Jobs in hand for each child, so that the next one is there when it finishes."""


@dataclass(frozen=True)
class ProcessorParts:
    """What a process needs to render: what it consumes, and the children that do the work."""

    subscriptions: tuple[Subscription, ...]
    pool: SandboxPool
    progress: ProgressAnnouncer

    async def start(self) -> None:
        """Start the children; call it before the subscriptions run."""
        await self.pool.start()

    async def stop(self) -> None:
        """End the children; call it when no handler runs any more."""
        await self.progress.close()
        await self.pool.stop()


def build_parts(settings: ProcessorSettings, stores: Stores, publisher: Publisher) -> ProcessorParts:
    """Build the processor around a transport that the caller runs."""
    pool = SandboxPool(
        PoolLimits(
            children=settings.children,
            jobs_per_child=settings.jobs_per_child,
            memory_bytes=settings.child_memory_mb * _MEGA,
            cpu_seconds=settings.cpu_seconds,
            wall_seconds=settings.wall_seconds,
            file_bytes=settings.max_variant_mb * _MEGA,
            niceness=settings.niceness,
            pixels_at_once=settings.pixels_at_once_mp * _MEGA,
        ),
        settings.storage_root,
    )
    progress = ProgressAnnouncer(publisher)
    subscriptions = tuple(
        Subscription(
            queue,
            (
                route(
                    MediaAccepted,
                    ImageHandlers(stores, pool, publisher, progress, queue.retry).on_media_accepted,
                ),
            ),
            concurrency=max(queue.concurrency, _QUEUED_PER_CHILD * settings.children),
        )
        for queue in (PROCESSOR_IMAGES, PROCESSOR_IMAGES_BULK)
    )
    return ProcessorParts(subscriptions, pool, progress)


def build_service(settings: ProcessorSettings) -> Service:
    """Build the processor as a process of its own, fed by RabbitMQ.

    It publishes on a transport apart from the one it consumes on, which is stopped first: a job that ends
    during the stop still gets its result out.
    """
    broker = settings.broker_url.get_secret_value()
    store = LocalObjectStore(settings.storage_root)
    outgoing = RabbitTransport(broker, service="processor")
    parts = build_parts(settings, Stores(store), outgoing.publisher)
    incoming = RabbitTransport(broker, service="processor", subscriptions=parts.subscriptions)
    half_the_grace = settings.shutdown_grace_seconds / 2

    async def start() -> None:
        await parts.start()
        await outgoing.start()
        await incoming.start()

    async def quiesce() -> None:
        await incoming.drain(time.monotonic() + half_the_grace * 0.95)

    async def stop() -> None:
        await incoming.stop(half_the_grace * 0.7)
        await parts.stop()
        await outgoing.stop(grace_seconds=1)
        await store.close()

    checks = {"broker": incoming.check, "storage": store.check, "decoders": parts.pool.check}
    return Service(
        "processor", Starlette(routes=operations_routes(checks)), start=start, stop=stop, quiesce=quiesce
    )
