"""Mediamill as it is deployed: each service a process of its own, on real servers, ready to be killed."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Self

from mediamill_testing.ports import free_port, release_port
from mediamill_testing.servers.postgres import MIGRATED, PostgresServer
from mediamill_testing.servers.process import GuardedProcess, Scratch
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.waiting import wait_until

START_SECONDS = 120.0
TEMPORARY_AGE_SECONDS = 10
"""How old files under `temp/` must be before cleanup takes them."""
ADMIN_EMAIL = "admin@example.org"
ADMIN_PASSWORD = "correct horse battery staple"  # noqa: S105 - of private servers that live for one test


class ServiceProcess:
    """One service, started with its command and nothing but the environment it needs."""

    def __init__(
        self, name: str, environment: Mapping[str, str], *, scratch: Scratch, prefix: str | None = None
    ) -> None:
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._scratch = scratch
        self._log = scratch.path / f"{name}-{self.port}.log"
        prefix = prefix or name.upper().replace("-", "_")
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(scratch.path),
            **environment,
            f"{prefix}_HOST": "127.0.0.1",
            f"{prefix}_PORT": str(self.port),
        }
        self._process: GuardedProcess | None = None

    @property
    def running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.running

    def start(self, *, wait: bool = True) -> Self:
        """Start the process and, unless told otherwise, wait until it answers."""
        command = [sys.executable, "-m", f"mediamill_{self.name.replace('-', '_')}"]
        self._process = GuardedProcess(
            command, scratch=self._scratch, log=self._log, env=self._environment, grace_seconds=30
        )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        """Wait for `/health/ready`; the error shows the end of the log."""
        try:
            wait_until(self._ready, START_SECONDS, f"{self.name} should have become ready")
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log_tail()}") from None

    def kill(self) -> None:
        """End the process, and all it started, with SIGKILL."""
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        """End the process with SIGTERM, as an orchestrator does."""
        if self._process is not None:
            self._process.stop()

    def close(self) -> None:
        """Stop the process and give its port back; its last words are shown beside a test that failed."""
        self.stop()
        if self._log.exists():
            sys.stdout.write(f"{self.name}:\n{self.log_tail()}\n")
        release_port(self.port)

    def log_tail(self, lines: int = 40) -> str:
        """Return the last lines the service wrote."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def log(self) -> str:
        """Return all that the service wrote, over all its starts."""
        return self._log.read_text(errors="replace")

    def _ready(self) -> bool:
        if not self.running:
            raise TimeoutError(f"{self.name} ended before it was ready")
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


class MediamillSystem:
    """ingest, processor and notifier on one broker, one database and one storage folder.

    The database must be migrated already. `service_urls` are the broker URLs of services that have users of
    their own; the others use `broker_url`. `environment` adds to what every service is given. Whoever needs
    `storage_sync` starts it.
    """

    def __init__(
        self,
        *,
        broker_url: str,
        database_url: str,
        service_urls: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.broker_url = broker_url
        self.database_url = database_url
        self._service_urls = service_urls or {}
        self.scratch = Scratch("system")
        self.storage = self.scratch.path / "storage"
        shared = {
            "MEDIAMILL_ENV": "test",
            "STORAGE_ROOT": str(self.storage),
            "JWT_SECRET": "a key for the tests that is long enough to sign with",
            "LOG_FORMAT": "json",
            **(environment or {}),
        }
        control = {
            **shared,
            "DATABASE_URL": database_url,
            "MEDIAMILL_ADMIN_EMAIL": ADMIN_EMAIL,
            "MEDIAMILL_ADMIN_PASSWORD": ADMIN_PASSWORD,
        }
        self.ingest = self._service("ingest", control)
        self.processor = self._service("processor", shared)
        self.notifier = self._service("notifier", shared)
        self.storage_sync = self._service("storage-sync", shared)
        self.control_environment = control | {"BROKER_URL": self.broker_url_of("console")}
        self._cleanup = control | {
            "BROKER_URL": self.broker_url_of("cleanup"),
            "PATH": os.environ["PATH"],
            "HOME": str(self.scratch.path),
        }
        self.services = (self.ingest, self.processor, self.notifier)

    def broker_url_of(self, service: str) -> str:
        """Return the broker URL that a service is given."""
        return self._service_urls.get(service, self.broker_url)

    def _service(self, name: str, environment: Mapping[str, str]) -> ServiceProcess:
        given = {**environment, "BROKER_URL": self.broker_url_of(name)}
        return ServiceProcess(name, given, scratch=self.scratch)

    def start(self) -> "MediamillSystem":
        """Start all services side by side and wait until all are ready."""
        for service in self.services:
            service.start(wait=False)
        for service in self.services:
            service.wait_ready()
        return self

    def close(self) -> None:
        """Stop all services and remove their files."""
        for service in (*self.services, self.storage_sync):
            service.close()
        self.scratch.remove()

    def clean_up(self, duty: str) -> None:
        """Carry one duty of cleanup out now, as an operator does from a shell; block until it is done."""
        command = [sys.executable, "-m", "mediamill_cleanup", "run", duty]
        subprocess.run(command, env=self._cleanup, check=True, capture_output=True, timeout=START_SECONDS)  # noqa: S603

    def stored_keys(self) -> set[str]:
        """Return the keys of all files under the storage root, whatever they are."""
        return {str(path.relative_to(self.storage)) for path in self.storage.rglob("*") if path.is_file()}


@contextmanager
def running_system(rabbitmq: RabbitServer, postgres: PostgresServer) -> Iterator[MediamillSystem]:
    """Run the services while the context lasts, on a virtual host and a database of their own.

    Each has a broker user of its own, with no more rights than in an installation.
    """
    rabbitmq.start()
    postgres.start()
    with rabbitmq.vhost() as vhost, postgres.database(MIGRATED) as database_url:
        system = MediamillSystem(
            broker_url=rabbitmq.url_of(vhost),
            service_urls=rabbitmq.service_urls(vhost),
            database_url=database_url,
            environment={"CLEANUP_TEMPORARY_AGE_SECONDS": str(TEMPORARY_AGE_SECONDS)},
        )
        with closing(system):
            yield system.start()


class StandaloneProcess(ServiceProcess):
    """All of Mediamill in one process, on a data folder of its own that survives a kill.

    `environment` adds to what it is given.
    """

    def __init__(
        self,
        *,
        admin: bool = True,
        broker_url: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        scratch = Scratch("standalone")
        self.home = scratch.path / "home"
        self.database_url = f"sqlite+aiosqlite:///{self.home / 'mediamill.db'}"
        given = {"MEDIAMILL_HOME": str(self.home), **(environment or {})}
        if admin:
            given |= {"MEDIAMILL_ADMIN_EMAIL": ADMIN_EMAIL, "MEDIAMILL_ADMIN_PASSWORD": ADMIN_PASSWORD}
        if broker_url is not None:
            given |= {"BROKER_URL": broker_url, "MEDIAMILL_ENV": "test"}
        super().__init__("standalone", given, scratch=scratch, prefix="MEDIAMILL")

    def close(self) -> None:
        """Stop the process and remove its data."""
        super().close()
        self._scratch.remove()
