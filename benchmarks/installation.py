"""Mediamill as it is deployed, for measuring: its services as processes, RabbitMQ, and PostgreSQL with fsync.

Durability is part of every claim, so nothing is switched off that a careful operator would leave on.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Self
from uuid import uuid4

from benchmarks.listener import ReadyListener
from benchmarks.load import UploadRequest
from benchmarks.processes import find_process
from mediamill_catalog.migrate import upgrade
from mediamill_client.gateway import GatewayPublisher
from mediamill_runtime.identity import TokenIssuer
from mediamill_testing.servers.postgres import PostgresServer
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.system import MediamillSystem

SECRET = f"benchmark {uuid4().hex} {uuid4().hex}"
TOKEN_SECONDS = 24 * 60 * 60
DATABASE = "benchmark"
RABBITMQ_DEFAULT_SECONDS = 5
"""How often a broker gathers its statistics unless told otherwise; tests have it do so each second."""


class Installation:
    """The running system, one user of it, and how to reach both."""

    def __init__(self) -> None:
        self.rabbitmq = RabbitServer(statistics_seconds=RABBITMQ_DEFAULT_SECONDS)
        self.postgres = PostgresServer(fsync=True)
        self.listener = ReadyListener()
        self.user_id = str(uuid4())
        self.token = TokenIssuer(SECRET, lifetime_seconds=TOKEN_SECONDS).issue(self.user_id, "user")
        self._system: MediamillSystem | None = None
        self._gateway: GatewayPublisher | None = None

    @property
    def system(self) -> MediamillSystem:
        """The services, once started."""
        if self._system is None:
            raise RuntimeError("start() was not called")
        return self._system

    @property
    def gateway(self) -> GatewayPublisher:
        """A gateway that stages files itself and announces them over RabbitMQ, once started."""
        if self._gateway is None:
            raise RuntimeError("start() was not called")
        return self._gateway

    async def start(self) -> Self:
        """Start servers and services, and connect the user."""
        self.rabbitmq.start()
        self.postgres.start()
        self.postgres.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0")
        database_url = self.postgres.url_of(DATABASE)
        await upgrade(database_url)
        self._system = MediamillSystem(
            broker_url=self.rabbitmq.url,
            database_url=database_url,
            environment={"JWT_SECRET": SECRET},
        ).start()
        self._gateway = await GatewayPublisher(self.rabbitmq.url, self._system.storage).__aenter__()
        await self.listener.connect(self._system.notifier.url, self.token)
        return self

    async def stop(self) -> None:
        """End everything and remove its files."""
        if self._gateway is not None:
            await self.listener.close()
            await self._gateway.__aexit__(None, None, None)
        if self._system is not None:
            self._system.close()
        self.postgres.close()
        self.rabbitmq.close()

    def upload(self, file: Path, *, media_type: str = "image/jpeg") -> UploadRequest:
        """Return the upload of one file by the user."""
        return UploadRequest("/api/media", [file], headers=self._identity, media_type=media_type)

    def bulk_upload(self, photos: Sequence[Path]) -> UploadRequest:
        """Return one request with all these photos."""
        return UploadRequest("/api/media/bulk", photos, headers=self._identity, field="files")

    @property
    def _identity(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def query(self, statement: str) -> str:
        """Return what a statement selects in the system's database, one row a line."""
        return self.postgres.execute(statement, DATABASE)

    def last_words(self) -> str:
        """Return the end of each service's log, for when something failed."""
        services = self._system.services if self._system is not None else ()
        return "\n".join(f"--- {service.name}\n{service.log_tail(10)}" for service in services)

    def processes(self) -> dict[str, int]:
        """Return the pid of every process tree of the system, by name."""
        return {
            "ingest": find_process("mediamill_ingest"),
            "processor": find_process("mediamill_processor"),
            "notifier": find_process("mediamill_notifier"),
            "rabbitmq": find_process("beam.smp"),
            "postgres": find_process("/bin/postgres"),
        }
