"""Standalone's composition: every service in one process, on whatever of broker and database there is."""

import sys
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from mediamill_catalog.migrate import upgrade
from mediamill_cleanup import main as cleanup
from mediamill_cleanup.settings import DutySettings
from mediamill_database import Database
from mediamill_ingest import main as ingest
from mediamill_ingest.settings import UploadSettings
from mediamill_messaging.transport import Transport
from mediamill_notifier import main as notifier
from mediamill_notifier.gateway import SOCKET_PATH
from mediamill_notifier.settings import SocketSettings
from mediamill_outbox import EmbeddedBus, OutboxPublisher, RabbitWithFallback
from mediamill_processor import main as processor
from mediamill_processor.settings import ProcessorSettings
from mediamill_runtime.operations import operations_routes
from mediamill_runtime.service import Service
from mediamill_runtime.settings import load_settings
from mediamill_standalone.data_folder import DataFolder
from mediamill_standalone.page_routes import page_routes
from mediamill_standalone.settings import StandaloneSettings
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.stores import Stores


@dataclass(frozen=True)
class Parts:
    """The services' parts on one database, one store and one way to publish."""

    ingest: ingest.IngestParts
    processor: processor.ProcessorParts
    notifier: notifier.NotifierParts
    cleanup: cleanup.CleanupParts
    max_frame_bytes: int


def build_service(settings: StandaloneSettings) -> Service:
    """Build all services around one transport. Raises DataFolderInUseError."""
    folder = DataFolder(settings.home)
    url = settings.database_url or SecretStr(folder.database_url)
    database = Database(url.get_secret_value())
    store = LocalObjectStore(folder.storage)
    publisher = OutboxPublisher(database)
    parts = _build_parts(folder, url, database, store, publisher)
    transport = _build_transport(settings, database, publisher, parts)

    async def start() -> None:
        await upgrade(url.get_secret_value())
        await parts.ingest.start()
        await parts.processor.start()
        await parts.notifier.gateway.start()
        await transport.start()
        await parts.cleanup.start()
        _greet(settings, folder, parts.ingest)

    async def stop() -> None:
        await parts.cleanup.stop()
        await transport.stop(settings.shutdown_grace_seconds / 4)
        await parts.notifier.gateway.stop()
        await parts.processor.stop()
        await parts.ingest.stop()
        await store.close()
        await database.close()

    checks = {
        **parts.ingest.checks,
        "messages": transport.check,
        "decoders": parts.processor.pool.check,
    }
    app = parts.ingest.app
    app.router.routes.extend([*operations_routes(checks), *page_routes()])
    app.mount(SOCKET_PATH, parts.notifier.gateway.app)
    return Service(
        "standalone",
        app,
        start=start,
        stop=stop,
        quiesce=parts.notifier.gateway.quiesce,
        max_websocket_bytes=parts.max_frame_bytes,
    )


def _build_parts(
    folder: DataFolder,
    url: SecretStr,
    database: Database,
    store: LocalObjectStore,
    publisher: OutboxPublisher,
) -> Parts:
    shared: dict[str, Any] = {"jwt_secret": SecretStr(folder.signing_key())}
    stored: dict[str, Any] = {"storage_root": folder.storage}
    uploads = load_settings(UploadSettings, database_url=url, **shared, **stored)
    sockets = load_settings(SocketSettings, **shared)
    duties = load_settings(DutySettings, database_url=url, **stored)
    ingest_parts = ingest.build_parts(uploads, database, store)
    return Parts(
        ingest_parts,
        processor.build_parts(load_settings(ProcessorSettings, **stored), Stores(store), publisher),
        notifier.build_app(sockets, ingest_parts.verifier),
        cleanup.build_parts(duties, database, store),
        sockets.max_frame_bytes,
    )


def _build_transport(
    settings: StandaloneSettings, database: Database, publisher: OutboxPublisher, parts: Parts
) -> Transport:
    subscriptions = (*parts.ingest.subscriptions, *parts.processor.subscriptions)
    broadcasts = (*parts.ingest.broadcasts, *parts.processor.broadcasts, parts.notifier.broadcast)
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


def _greet(settings: StandaloneSettings, folder: DataFolder, parts: ingest.IngestParts) -> None:
    """Tell whoever started the first run all that is needed to use it."""
    lines = [
        f"Mediamill: http://{settings.host}:{settings.port}",
        f"Data:      {folder.path}",
    ]
    if parts.first_password is not None:
        lines += [f"Sign in:   {parts.first_email}", f"password: {parts.first_password}"]
    sys.stdout.write("\n" + "\n".join(f"  {line}" for line in lines) + "\n\n")
    sys.stdout.flush()
