"""Cleanup's composition: the only file that names concrete adapters."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.routing import Mount

from mediamill_catalog.revision import require_current
from mediamill_catalog.settings import SettingsWatch
from mediamill_cleanup.duties import Duties
from mediamill_cleanup.premises import CloudProvider, Depths, Premises
from mediamill_cleanup.scheduler import Scheduler
from mediamill_cleanup.settings import CleanupSettings, DutySettings
from mediamill_cleanup.webhook import Webhook
from mediamill_database import Database
from mediamill_messaging.rabbitmq.depths import queue_depths
from mediamill_outbox.depths import embedded_depths
from mediamill_outbox.rabbit import OutboxRabbit
from mediamill_runtime.operations import operations_routes
from mediamill_runtime.service import Service
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.s3.stores import S3Stores


class CleanupParts:
    """Cleanup without a transport: what a process starts and stops."""

    def __init__(
        self,
        settings: DutySettings,
        database: Database,
        store: LocalObjectStore,
        s3: CloudProvider | None,
    ) -> None:
        self._database = database
        self.platform = SettingsWatch(database, settings.platform_defaults)
        """What operators decided; duties look at `current` each time they run."""
        self.premises = Premises(
            database,
            store,
            _depths(settings.broker_url.get_secret_value(), database),
            s3,
            lambda: self.platform.current.known_s3_location,
        )
        self.duties = Duties(settings, self.premises, lambda: self.platform.current, _webhook(settings)).all()
        self.scheduler = Scheduler(database, self.duties)
        self.checks: Mapping[str, Callable[[], Awaitable[None]]] = {"database": database.check}

    async def start(self) -> None:
        """Read the settings and begin with what is due.

        Raises SchemaNotCurrentError when the database was not migrated to this release.
        """
        await require_current(self._database)
        await self.platform.start()
        self.scheduler.start()

    async def stop(self) -> None:
        """End what is running; it stays due. Database and store belong to the caller."""
        await self.scheduler.stop()
        await self.platform.stop()


def build_parts(
    settings: DutySettings,
    database: Database,
    store: LocalObjectStore,
    *,
    s3: CloudProvider | None = None,
) -> CleanupParts:
    """Build the duties around a transport that the caller runs; `s3` is None without credentials for it."""
    return CleanupParts(settings, database, store, s3)


def build_service(settings: CleanupSettings) -> Service:
    """Build cleanup as a process of its own, beside RabbitMQ. It consumes nothing."""
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    store = LocalObjectStore(settings.storage_root)
    s3 = S3Stores.from_environment(settings)
    parts = build_parts(settings, database, store, s3=s3)
    transport = OutboxRabbit(database, settings.broker_url.get_secret_value(), service="cleanup")

    async def start() -> None:
        await parts.start()
        await transport.start()

    async def stop() -> None:
        await parts.stop()
        await transport.stop(settings.shutdown_grace_seconds / 4)
        if s3 is not None:
            await s3.close()
        await store.close()
        await database.close()

    app = Starlette(routes=[*operations_routes(parts.checks), Mount("/asyncapi", transport.asyncapi_app())])
    return Service("cleanup", app, start=start, stop=stop)


def _depths(broker_url: str, database: Database) -> Depths:
    """Count what waits with the broker, if there is one, and with the embedded bus, its stand-in."""
    has_broker = broker_url.startswith(("amqp://", "amqps://"))

    async def depths() -> Mapping[str, int]:
        async with database.read() as session:
            embedded = Counter(await embedded_depths(session))
        return embedded + Counter(await queue_depths(broker_url)) if has_broker else embedded

    return depths


def _webhook(settings: DutySettings) -> Webhook | None:
    if settings.webhook_url is None or settings.webhook_secret is None:
        return None
    return Webhook(settings.webhook_url.get_secret_value(), settings.webhook_secret.get_secret_value())
