"""The console's composition: the only file that names concrete adapters."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI
from starlette.routing import Mount

from mediamill_catalog.revision import require_current
from mediamill_catalog.settings import SettingsWatch
from mediamill_console.http.app import build_app
from mediamill_console.http.parts import ConsoleWebParts
from mediamill_console.s3_health import S3Health
from mediamill_console.s3_probe import S3Probe
from mediamill_console.settings import ConsoleSettings, OperatorSettings
from mediamill_console.usecases.plan_watermarks import WatermarkPlanner
from mediamill_console.usecases.request_sync import SyncIntake
from mediamill_console.usecases.request_watermark import WatermarkIntake
from mediamill_database import Database
from mediamill_outbox.rabbit import OutboxRabbit
from mediamill_runtime.identity import verifier_of
from mediamill_runtime.operations import operations_routes
from mediamill_runtime.service import Service
from mediamill_storage.s3 import S3Stores


class ConsoleParts:
    """The console without a transport: what a process mounts, starts and stops."""

    def __init__(self, settings: OperatorSettings, database: Database, s3: S3Stores | None) -> None:
        self._database = database
        self.settings = SettingsWatch(database, settings.platform_defaults)
        self._planner = WatermarkPlanner(database, settings.platform_defaults)
        prober = S3Probe(s3)
        self.app: FastAPI = build_app(
            ConsoleWebParts(
                database=database,
                verifier=verifier_of(settings),
                show_details=not settings.is_production,
                settings=self.settings,
                prober=prober,
                s3_status=S3Health(prober),
                syncs=SyncIntake(database, settings.sync_limits(database.dialect)),
                watermarks=WatermarkIntake(database, settings.platform_defaults, self._planner.plan_on),
            )
        )
        self.checks: Mapping[str, Callable[[], Awaitable[None]]] = {"database": database.check}
        """What has to work for operators to be served."""

    async def start(self) -> None:
        """Follow the settings, and plan what is left of watermark jobs.

        Raises SchemaNotCurrentError when the database is not of this release.
        """
        await require_current(self._database)
        await self.settings.start()
        self._planner.start()

    async def stop(self) -> None:
        """End both; the database belongs to the caller."""
        await self._planner.stop()
        await self.settings.stop()


def build_parts(settings: OperatorSettings, database: Database, s3: S3Stores | None) -> ConsoleParts:
    """Build the console around a transport that the caller runs; `s3` is None without keys for it."""
    return ConsoleParts(settings, database, s3)


def build_service(settings: ConsoleSettings) -> Service:
    """Build the console as a process of its own; what it emits goes to RabbitMQ."""
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    s3 = S3Stores.from_environment(settings)
    parts = build_parts(settings, database, s3)
    transport = OutboxRabbit(database, settings.broker_url.get_secret_value(), service="console")

    async def start() -> None:
        await parts.start()
        await transport.start()

    async def stop() -> None:
        await transport.stop(settings.shutdown_grace_seconds / 4)
        await parts.stop()
        if s3 is not None:
            await s3.close()
        await database.close()

    parts.app.router.routes.extend(
        [*operations_routes(parts.checks), Mount("/asyncapi", transport.asyncapi_app())]
    )
    return Service("console", parts.app, start=start, stop=stop)
