"""Ingest's composition: the only file that names concrete adapters."""

import sys
from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI
from starlette.routing import Mount

from mediamill_catalog.recipes import RecipeBook
from mediamill_catalog.revision import require_current
from mediamill_catalog.settings import SettingsWatch
from mediamill_database import Database
from mediamill_ingest.auth.first_superadmin import DEFAULT_EMAIL, ensure_first_superadmin
from mediamill_ingest.auth.sessions import Sessions
from mediamill_ingest.current_stores import CurrentStores
from mediamill_ingest.handlers import Handlers
from mediamill_ingest.housekeeping import Housekeeping
from mediamill_ingest.http.app import build_app
from mediamill_ingest.http.parts import HttpParts, UploadLimits
from mediamill_ingest.ports import CloudProvider
from mediamill_ingest.right_of_way import RightOfWay
from mediamill_ingest.settings import IngestSettings, UploadSettings
from mediamill_ingest.usecases.admit_upload import Admission
from mediamill_ingest.usecases.initiate_upload import UploadPace
from mediamill_messaging.subscription import BroadcastSubscription, Subscription
from mediamill_outbox import DeadLetterEffect
from mediamill_outbox.rabbit import OutboxRabbit
from mediamill_runtime.identity import TokenIssuer, verifier_of
from mediamill_runtime.operations import operations_routes
from mediamill_runtime.service import Service
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.s3 import S3Stores


class IngestParts:
    """Ingest without a transport: what a process mounts, subscribes to, starts and stops."""

    def __init__(
        self, settings: UploadSettings, database: Database, store: LocalObjectStore, s3: CloudProvider | None
    ) -> None:
        self.settings = SettingsWatch(database, settings.platform_defaults)
        """What operators decided; the parts below look at `current` each time they act."""
        stores = CurrentStores(store, s3, lambda: self.settings.current)
        right_of_way = RightOfWay()
        self._settings = settings
        self._database = database
        self._sessions = _build_sessions(settings, database)
        self._housekeeping = Housekeeping(database)
        self.verifier = verifier_of(settings)
        self.app: FastAPI = build_app(
            HttpParts(
                database=database,
                stores=stores,
                verifier=self.verifier,
                sessions=self._sessions,
                policy=settings.policy,
                limits=UploadLimits(
                    max_bulk_files=settings.max_bulk_files,
                    max_bulk_bytes=settings.max_bulk_bytes,
                    sync_threshold=settings.sync_threshold,
                ),
                upload_pace=UploadPace(settings.uploads_per_minute),
                right_of_way=right_of_way,
                show_details=not settings.is_production,
            )
        )
        recipes = RecipeBook(lambda: self.settings.current, settings.picture_limits, settings.video_recipe)
        admission = Admission(database, stores, settings.policy, recipes, settings.late_object_seconds)
        handlers = Handlers(
            database,
            stores,
            admission,
            self.settings,
            right_of_way,
            old_key_seconds=settings.old_key_seconds,
            show_details=settings.env == "dev",
        )
        self.subscriptions: tuple[Subscription, ...] = handlers.subscriptions()
        self.admission: Subscription = handlers.admission
        """One of the subscriptions, whose messages mostly come from this process itself."""
        self.broadcasts: tuple[BroadcastSubscription, ...] = handlers.broadcasts()
        self.on_dead_letter: DeadLetterEffect = handlers.on_dead_letter
        self.checks: Mapping[str, Callable[[], Awaitable[None]]] = {
            "database": database.check,
            "storage": store.check,
        }
        """What has to work for an upload to be taken in and kept."""
        self.first_email = settings.admin_email or DEFAULT_EMAIL
        self.first_password: str | None = None
        """Set by `start` when it made the first superadmin's password: show it, it is kept nowhere."""

    async def start(self) -> None:
        """Make the first superadmin if there is none, and begin the periodic duties.

        Raises SchemaNotCurrentError when the database was not migrated to this release.
        """
        await require_current(self._database)
        await self.settings.start()
        if self._sessions is not None:
            self.first_password = await ensure_first_superadmin(
                self._database, self._settings.admin_email, self._settings.admin_password
            )
        self._housekeeping.start()

    async def stop(self) -> None:
        """End the periodic duties; database and store belong to the caller."""
        await self._housekeeping.stop()
        await self.settings.stop()


def build_parts(
    settings: UploadSettings, database: Database, store: LocalObjectStore, *, s3: CloudProvider | None = None
) -> IngestParts:
    """Build ingest around a transport that the caller runs; `s3` is None without credentials for it."""
    return IngestParts(settings, database, store, s3)


def build_service(settings: IngestSettings) -> Service:
    """Build ingest as a process of its own, on RabbitMQ.

    It is ready while it can keep what it takes in, so also while the broker is away: uploads then wait in the
    outbox.
    """
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    store = LocalObjectStore(settings.storage_root)
    s3 = S3Stores.from_environment(settings)
    parts = build_parts(settings, database, store, s3=s3)
    transport = OutboxRabbit(
        database,
        settings.broker_url.get_secret_value(),
        service="ingest",
        subscriptions=parts.subscriptions,
        broadcasts=parts.broadcasts,
        on_dead_letter=parts.on_dead_letter,
        collect_dead_letters=True,
        home=parts.admission,
    )

    async def start() -> None:
        await parts.start()
        if parts.first_password is not None:
            sys.stdout.write(f"first superadmin: {parts.first_email} / {parts.first_password}\n")
            sys.stdout.flush()
        await transport.start()

    async def stop() -> None:
        await transport.stop(settings.shutdown_grace_seconds / 4)
        await parts.stop()
        if s3 is not None:
            await s3.close()
        await store.close()
        await database.close()

    parts.app.router.routes.extend(
        [*operations_routes(parts.checks), Mount("/asyncapi", transport.asyncapi_app())]
    )
    return Service("ingest", parts.app, start=start, stop=stop)


def _build_sessions(settings: UploadSettings, database: Database) -> Sessions | None:
    """Sign users in here unless an identity provider does."""
    if settings.jwt_jwks_url is not None or settings.jwt_secret is None:
        return None
    issuer = TokenIssuer(
        settings.jwt_secret.get_secret_value(), lifetime_seconds=settings.token_lifetime_seconds
    )
    return Sessions(database, issuer)
