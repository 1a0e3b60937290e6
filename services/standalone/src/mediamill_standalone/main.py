"""Standalone's composition: every service in one process, on whatever of broker and database there is."""

import sys
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from mediamill_catalog.migrate import upgrade
from mediamill_cleanup import main as cleanup
from mediamill_cleanup.settings import DutySettings
from mediamill_console import main as console
from mediamill_console.http.app import PATHS as CONSOLE_PATHS
from mediamill_console.settings import OperatorSettings
from mediamill_database import Database
from mediamill_dispatcher import main as dispatcher
from mediamill_dispatcher.settings import CallSettings
from mediamill_ingest import main as ingest
from mediamill_ingest.settings import UploadSettings
from mediamill_messaging.rabbitmq.asyncapi import asyncapi_app
from mediamill_messaging.subscription import BroadcastSubscription, Subscription
from mediamill_messaging.transport import Transport
from mediamill_notifier import main as notifier
from mediamill_notifier.gateway import SOCKET_PATH
from mediamill_notifier.settings import SocketSettings
from mediamill_outbox import EmbeddedBus, OutboxPublisher
from mediamill_outbox.rabbit import RabbitWithFallback
from mediamill_processor import main as processor
from mediamill_processor.settings import ProcessorSettings
from mediamill_runtime.operations import operations_routes
from mediamill_runtime.s3_settings import S3Settings
from mediamill_runtime.service import Service
from mediamill_runtime.settings import load_settings
from mediamill_standalone.data_folder import DataFolder
from mediamill_standalone.file_origins import file_origins
from mediamill_standalone.other_apps import join
from mediamill_standalone.page_routes import page_routes
from mediamill_standalone.settings import StandaloneSettings
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.s3 import S3Stores
from mediamill_storage.stores import Stores
from mediamill_storage_sync import main as storage_sync
from mediamill_storage_sync.settings import TransferSettings

PARALLEL_FILES_ON_SQLITE = 5
"""Files in transfer at once unless `STORAGE_SYNC_PARALLEL_FILES` says otherwise."""


@dataclass(frozen=True)
class Ground:
    """What all services stand on."""

    folder: DataFolder
    database_url: SecretStr
    database: Database
    local: LocalObjectStore
    s3: S3Stores | None
    publisher: OutboxPublisher


@dataclass(frozen=True)
class Parts:
    """The services' parts on one database, one store and one way to publish."""

    ingest: ingest.IngestParts
    console: console.ConsoleParts
    processor: processor.ProcessorParts
    storage_sync: storage_sync.StorageSyncParts
    notifier: notifier.NotifierParts
    dispatcher: dispatcher.DispatcherParts
    cleanup: cleanup.CleanupParts
    max_frame_bytes: int

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """What all of them consume."""
        return (
            *self.ingest.subscriptions,
            *self.processor.subscriptions,
            *self.storage_sync.subscriptions,
            self.dispatcher.subscription,
        )

    @property
    def broadcasts(self) -> tuple[BroadcastSubscription, ...]:
        """What all of them hear."""
        return (
            *self.ingest.broadcasts,
            *self.processor.broadcasts,
            self.storage_sync.broadcast,
            self.notifier.broadcast,
        )


def build_service(settings: StandaloneSettings) -> Service:
    """Build all services around one transport. Raises SettingsError."""
    folder = DataFolder(settings.home)
    url = settings.database_url or SecretStr(folder.database_url)
    database = Database(url.get_secret_value())
    store = LocalObjectStore(folder.storage)
    s3 = S3Stores.from_environment(load_settings(S3Settings), scratch=store.temporaries)
    publisher = OutboxPublisher(database)
    parts = _build_parts(Ground(folder, url, database, store, s3, publisher))
    transport = _build_transport(settings, database, publisher, parts)

    async def start() -> None:
        await upgrade(url.get_secret_value())
        await parts.ingest.start()
        try:
            await parts.console.start()
            await parts.processor.start()
            await parts.notifier.gateway.start()
            await transport.start()
            await parts.cleanup.start()
            _greet(settings, folder)
        finally:  # it is shown now or never, also when a later step fails
            _show_password(parts.ingest)

    async def stop() -> None:
        await parts.cleanup.stop()
        await transport.stop(settings.shutdown_grace_seconds / 4)
        await parts.notifier.gateway.stop()
        await parts.dispatcher.registry.close()
        await parts.processor.stop()
        await parts.console.stop()
        await parts.ingest.stop()
        await store.close()
        if s3 is not None:
            await s3.close()
        await database.close()

    checks = {
        **parts.ingest.checks,
        "messages": transport.check,
        "decoders": parts.processor.pool.check,
    }
    app = parts.ingest.app
    join(app, parts.console.app, CONSOLE_PATHS)
    app.router.routes.extend(
        [*operations_routes(checks), *page_routes(lambda: file_origins(s3, parts.console.settings.current))]
    )
    app.mount(SOCKET_PATH, parts.notifier.gateway.app)
    app.mount("/asyncapi", asyncapi_app("standalone", parts.subscriptions, parts.broadcasts))
    return Service(
        "standalone",
        app,
        start=start,
        stop=stop,
        quiesce=parts.notifier.gateway.quiesce,
        max_websocket_bytes=parts.max_frame_bytes,
    )


def _build_parts(ground: Ground) -> Parts:
    shared: dict[str, Any] = {"jwt_secret": SecretStr(ground.folder.signing_key())}
    stored: dict[str, Any] = {"storage_root": ground.folder.storage}
    uploads = load_settings(UploadSettings, database_url=ground.database_url, **shared, **stored)
    sockets = load_settings(SocketSettings, **shared)
    operators = load_settings(OperatorSettings, database_url=ground.database_url, **shared)
    duties = load_settings(DutySettings, database_url=ground.database_url, **stored)
    ingest_parts = ingest.build_parts(uploads, ground.database, ground.local, s3=ground.s3)
    stores = Stores(ground.local, ground.s3)
    return Parts(
        ingest_parts,
        console.build_parts(operators, ground.database, ground.s3),
        processor.build_parts(load_settings(ProcessorSettings, **stored), stores, ground.publisher),
        storage_sync.build_parts(_transfer_settings(ground.database, **stored), stores, ground.publisher),
        notifier.build_app(sockets, ingest_parts.verifier),
        dispatcher.build_parts(load_settings(CallSettings, **stored), ground.local, ground.publisher),
        cleanup.build_parts(duties, ground.database, ground.local, s3=ground.s3),
        sockets.max_frame_bytes,
    )


def _transfer_settings(database: Database, **values: Any) -> TransferSettings:
    """Read the settings of transfers; where one writer serves everybody, fewer files move at once."""
    settings = load_settings(TransferSettings, **values)
    if database.dialect == "sqlite" and "parallel_files" not in settings.model_fields_set:
        return settings.model_copy(update={"parallel_files": PARALLEL_FILES_ON_SQLITE})
    return settings


def _build_transport(
    settings: StandaloneSettings, database: Database, publisher: OutboxPublisher, parts: Parts
) -> Transport:
    subscriptions, broadcasts = parts.subscriptions, parts.broadcasts
    effect = parts.ingest.on_dead_letter
    if not settings.uses_broker:
        return EmbeddedBus(database, subscriptions, broadcasts, effect, publisher=publisher)
    return RabbitWithFallback(
        database,
        settings.broker_url.get_secret_value(),
        service="standalone",
        subscriptions=subscriptions,
        broadcasts=broadcasts,
        on_dead_letter=effect,
        publisher=publisher,
    )


def _greet(settings: StandaloneSettings, folder: DataFolder) -> None:
    """Tell whoever started it where the page and the data are."""
    sys.stdout.write(f"\n  Mediamill: http://{settings.host}:{settings.port}\n  Data:      {folder.path}\n")


def _show_password(parts: ingest.IngestParts) -> None:
    """Tell, the first time, how to sign in."""
    if parts.first_password is not None:
        sys.stdout.write(f"  Sign in:   {parts.first_email}\n  password:  {parts.first_password}\n")
    sys.stdout.write("\n")
    sys.stdout.flush()
