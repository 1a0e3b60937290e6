"""The composition of storage-sync: the only file that names concrete adapters."""

from dataclasses import dataclass

from starlette.applications import Starlette

from mediamill_contracts.relocation import RequestRelocation
from mediamill_contracts.sync import RequestPurge, RequestSync, SyncCancelled
from mediamill_contracts.topology import (
    STORAGE_SYNC_CANCELLATIONS,
    STORAGE_SYNC_PURGES,
    STORAGE_SYNC_RELOCATIONS,
    STORAGE_SYNC_TRANSFERS,
)
from mediamill_messaging.rabbitmq import RabbitWorker
from mediamill_messaging.subscription import BroadcastSubscription, Subscription, route
from mediamill_messaging.transport import Publisher
from mediamill_runtime.operations import operations_routes
from mediamill_runtime.service import Service
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.s3 import S3Http, S3Stores
from mediamill_storage.stores import Stores
from mediamill_storage_sync.cancellations import Cancellations
from mediamill_storage_sync.handlers import Handlers
from mediamill_storage_sync.rounds import Rounds
from mediamill_storage_sync.settings import StorageSyncSettings, TransferSettings
from mediamill_storage_sync.turns import Turns
from mediamill_storage_sync.usecases.run_batch import Transfers

_ATTEMPTS = 3
"""Of one request: a store that is away longer is waited for by rounds, which do not hold up other files."""


@dataclass(frozen=True)
class StorageSyncParts:
    """What storage-sync consumes and listens to."""

    subscriptions: tuple[Subscription, ...]
    broadcast: BroadcastSubscription


def build_parts(settings: TransferSettings, stores: Stores, publisher: Publisher) -> StorageSyncParts:
    """Build storage-sync around a transport that the caller runs."""
    rounds = Rounds(
        turns=Turns(settings.parallel_files),
        parallel=settings.parallel_files,
        patience_seconds=settings.patience_seconds,
    )
    handlers = Handlers(Transfers(stores, publisher, rounds, Cancellations()))
    return StorageSyncParts(
        subscriptions=(
            Subscription(
                STORAGE_SYNC_TRANSFERS,
                (route(RequestSync, handlers.on_sync_requested),),
                concurrency=settings.parallel_batches,
            ),
            Subscription(STORAGE_SYNC_PURGES, (route(RequestPurge, handlers.on_purge_requested),)),
            Subscription(
                STORAGE_SYNC_RELOCATIONS,
                (route(RequestRelocation, handlers.on_relocation_requested),),
            ),
        ),
        broadcast=BroadcastSubscription(
            STORAGE_SYNC_CANCELLATIONS, (route(SyncCancelled, handlers.on_sync_cancelled),)
        ),
    )


def s3_stores(settings: TransferSettings) -> S3Stores | None:
    """Return S3 as transfers use it; None without credentials."""
    return S3Stores.from_environment(
        settings, http=S3Http(connections=settings.parallel_files, attempts=_ATTEMPTS)
    )


def build_service(settings: StorageSyncSettings) -> Service:
    """Build storage-sync as a process of its own, fed by RabbitMQ.

    A batch that does not end within the grace time is delivered again and copies the rest.
    """
    worker = RabbitWorker(
        settings.broker_url.get_secret_value(),
        service="storage-sync",
        grace_seconds=settings.shutdown_grace_seconds,
    )
    local = LocalObjectStore(settings.storage_root)
    s3 = s3_stores(settings)
    parts = build_parts(settings, Stores(local, s3), worker.publisher)
    worker.consume(parts.subscriptions, (parts.broadcast,))

    async def stop() -> None:
        await worker.stop()
        await local.close()
        if s3 is not None:
            await s3.close()

    checks = {"broker": worker.check, "storage": local.check}
    return Service(
        "storage-sync",
        Starlette(routes=operations_routes(checks)),
        start=worker.start,
        stop=stop,
        quiesce=worker.quiesce,
    )
