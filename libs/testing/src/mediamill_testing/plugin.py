"""Fixtures that every member's tests share; pytest finds this module through its entry point."""

import asyncio
import gc
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from mediamill_catalog.migrate import upgrade
from mediamill_contracts.storage import S3Location
from mediamill_database import Database
from mediamill_storage.s3.credentials import S3Credentials
from mediamill_testing.installing import translation_example
from mediamill_testing.photos.fixtures import photo_corpus
from mediamill_testing.servers.postgres import MIGRATED, PostgresServer
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.servers.s3 import S3Server
from mediamill_testing.system import MediamillSystem, running_system
from mediamill_testing.tcp_proxy import TcpProxy

__all__ = [
    "either_database",
    "migrated_postgres",
    "migrated_postgres_url",
    "migrated_sqlite",
    "migrated_sqlite_url",
    "module_vhost",
    "photo_corpus",
    "postgres",
    "postgres_url",
    "rabbitmq",
    "rabbitmq_proxy",
    "rabbitmq_vhost_url",
    "reused_postgres",
    "s3_credentials",
    "s3_location",
    "s3_server",
    "sqlite_url",
    "system",
    "translation_example",
]

_SERVERS = frozenset({"rabbitmq", "postgres", "s3_server"})


def pytest_configure() -> None:
    """Do not look for garbage while tests are imported: it takes a fifth of the time, and there is none.

    Exceptions are logged as services log them: structlog's own way, with every variable in colour, takes
    seconds for each.
    """
    gc.disable()
    structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback


def pytest_collection_finish() -> None:
    """Look for garbage from now on, seldom, and only in what tests make."""
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files that start servers first: they take longest, and parallel workers should end together."""
    slow = {item.path for item in items if _SERVERS & set(getattr(item, "fixturenames", ()))}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitServer]:
    """One RabbitMQ node for all tests of the run; a test that stops it starts it again."""
    with closing(RabbitServer()) as server:
        server.start()
        yield server


@pytest.fixture
def rabbitmq_vhost_url(rabbitmq: RabbitServer) -> Iterator[str]:
    """AMQP URL of a virtual host that is this test's own."""
    rabbitmq.start()
    with rabbitmq.vhost() as name:
        yield rabbitmq.url_of(name)


@pytest.fixture
def rabbitmq_proxy(rabbitmq_vhost_url: str) -> Iterator[TcpProxy]:
    """Way to a virtual host that is this test's own, on which the broker can be away."""
    with TcpProxy(rabbitmq_vhost_url) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL server for all tests of the run, without fsync."""
    with closing(PostgresServer()) as server:
        server.start()
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """URL (`postgresql+asyncpg://…`) of an empty database that is this test's own."""
    postgres.start()
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="module")
def module_vhost(rabbitmq: RabbitServer) -> Iterator[str]:
    """Name of a virtual host for all tests of a module: making and removing one takes longest."""
    rabbitmq.start()
    with rabbitmq.vhost() as name:
        yield name


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """URL (`sqlite+aiosqlite:///…`) of a database file that does not exist yet."""
    return f"sqlite+aiosqlite:///{tmp_path / 'mediamill.sqlite3'}"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """One S3 server for all tests of the run; a test that stops or kills it starts it again."""
    with closing(S3Server()) as server:
        server.start()
        yield server


@pytest.fixture
def s3_location(s3_server: S3Server) -> Iterator[S3Location]:
    """Location of an empty bucket that is this test's own."""
    s3_server.start()
    with s3_server.bucket() as location:
        yield location


@pytest.fixture
def s3_credentials(s3_server: S3Server) -> S3Credentials:
    """Keys that the S3 server accepts for every bucket."""
    return s3_server.credentials


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresServer) -> PostgresServer:
    """Give the server, with the database `MIGRATED` to make others from."""
    postgres.start()
    postgres.execute(f"CREATE DATABASE {MIGRATED} TEMPLATE template0")
    _migrate(postgres.url_of(MIGRATED))
    return postgres


@pytest.fixture(scope="session")
def reused_postgres(migrated_postgres: PostgresServer) -> str:
    """Name of a database at the newest schema, which is emptied for each test that asks for one."""
    migrated_postgres.start()
    migrated_postgres.execute(f"CREATE DATABASE reused TEMPLATE {MIGRATED}")
    return "reused"


@pytest.fixture
def migrated_postgres_url(migrated_postgres: PostgresServer, reused_postgres: str) -> str:
    """URL of a database at the newest schema, without rows, that is this test's alone while it runs.

    Copying one for each test takes ten times as long.
    """
    migrated_postgres.start()
    migrated_postgres.empty(reused_postgres)
    return migrated_postgres.url_of(reused_postgres)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a database file at the newest schema."""
    path = tmp_path_factory.mktemp("schema") / "mediamill.sqlite3"
    _migrate(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture
def migrated_sqlite_url(migrated_sqlite: Path, sqlite_url: str) -> str:
    """URL of a database file at the newest schema that is this test's own."""
    shutil.copyfile(migrated_sqlite, sqlite_url.removeprefix("sqlite+aiosqlite:///"))
    return sqlite_url


@pytest.fixture(params=["sqlite", "postgres"], ids=["sqlite", "postgresql"])
async def either_database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """Give a database at the newest schema, to each test once of either kind."""
    database = Database(request.getfixturevalue(f"migrated_{request.param}_url"))
    yield database
    await database.close()


@pytest.fixture(scope="session")
def system(rabbitmq: RabbitServer, migrated_postgres: PostgresServer) -> Iterator[MediamillSystem]:
    """Give the services that tests share, each a process; a test that stops one starts it again."""
    with running_system(rabbitmq, migrated_postgres) as system:
        yield system


def _migrate(url: str) -> None:
    """Migrate in a thread, since the test that asks first may be running in an event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(upgrade(url))).result()
