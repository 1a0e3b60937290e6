"""A private RabbitMQ node: Debian's package, run by the calling user, on ports of its own.

Nothing of an installed system broker is touched: node name, Erlang cookie, port mapper, data, logs and
configuration all live in a scratch directory. A start takes about six seconds, so tests share one node and
keep apart by virtual host.
"""

import base64
import http.client
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mediamill_contracts.access import ACCESS
from mediamill_messaging.rabbitmq.broker_command import import_definitions
from mediamill_messaging.rabbitmq.definitions import definitions
from mediamill_testing.ports import free_port
from mediamill_testing.servers import MissingServerError
from mediamill_testing.servers.process import GuardedProcess, Scratch
from mediamill_testing.servers.server import PrivateServer

PROGRAM_PATTERNS = (
    "usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server",
    "opt/rabbitmq*/sbin/rabbitmq-server",
)
HOW_TO_INSTALL = (
    "RabbitMQ is not installed, and the tests run against a real one. On Debian or Ubuntu, as root: "
    "`scripts/install-test-servers` (what `make test` does), or `apt-get install rabbitmq-server`."
)
STOP_SECONDS = 60.0
"""A node that is killed amid its stop may come back without some of its queues."""
USER = "mediamill"
PASSWORD = "mediamill"  # noqa: S105 - guards a throw-away node that listens on loopback only


class RabbitServer(PrivateServer):
    """One node with the management and Prometheus plugins; data survive `restart`, not `close`.

    RabbitMQ 3.10 notes a new quorum queue in a table that it saves every few seconds: a queue declared just
    before `kill` comes back without a leader and stays silent. Declare early, or use `restart`.

    Its figures are up to `statistics_seconds` old; RabbitMQ's own default is five, and gathering costs.
    """

    title = "RabbitMQ"

    def __init__(self, *, statistics_seconds: int = 1, consumer_timeout_ms: int | None = None) -> None:
        """Configure a node; `consumer_timeout_ms` replaces its 30 minutes, and is looked at as often."""
        self._program = find_program()
        self._consumer_timeout_ms = consumer_timeout_ms
        self._ports = {
            name: free_port() for name in ("amqp", "management", "prometheus", "distribution", "epmd")
        }
        super().__init__(Scratch("rabbitmq"), self._ports.values())
        _write_configuration(self._scratch.path, self._ports, statistics_seconds)

    @property
    def url(self) -> str:
        """AMQP URL of the default virtual host."""
        return self.url_of("/")

    @property
    def prometheus_url(self) -> str:
        """URL of the broker's own metrics."""
        return f"http://127.0.0.1:{self._ports['prometheus']}/metrics"

    def url_of(self, vhost: str) -> str:
        """AMQP URL of one virtual host."""
        return f"amqp://{USER}:{PASSWORD}@127.0.0.1:{self._ports['amqp']}/{quote(vhost, safe='')}"

    @property
    def management_url(self) -> str:
        """URL of the management API, with the administrator's password."""
        return f"http://{USER}:{PASSWORD}@127.0.0.1:{self._ports['management']}"

    def service_urls(self, vhost: str) -> dict[str, str]:
        """Give each service a user with the rights that it has in an installation; return their AMQP URLs."""
        passwords = {service: f"{service}'s password" for service in ACCESS}
        import_definitions(self.management_url, definitions(passwords, vhost=vhost))
        place = self.url_of(vhost).rpartition("@")[2]
        return {name: f"amqp://{name}:{quote(password)}@{place}" for name, password in passwords.items()}

    def start(self) -> None:
        """Start the node and return when it takes connections and answers management calls."""
        if not self.running:
            super().start()
            self._start_virtual_hosts()

    @contextmanager
    def vhost(self) -> Iterator[str]:
        """Create a virtual host, give its name, and remove it afterwards with all its queues."""
        name = f"test-{secrets.token_hex(6)}"
        self.management("PUT", f"/api/vhosts/{name}")
        try:
            yield name
        finally:
            if self.running:
                self.management("DELETE", f"/api/vhosts/{name}")

    def management(self, method: str, path: str, body: object = None) -> Any:
        """Call the management API; return the decoded JSON answer, or None when it is empty.

        Raises `RuntimeError` on any status of 400 or above, `OSError` when the node does not listen.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._ports["management"], timeout=20)
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= http.client.BAD_REQUEST:
            raise RuntimeError(f"{method} {path}: {answer.status} {content.decode(errors='replace')}")
        return json.loads(content) if content else None

    def _launch(self) -> GuardedProcess:
        path = self._scratch.path
        return GuardedProcess(
            [str(self._program)],
            scratch=self._scratch,
            log=path / "server.log",
            env=os.environ | _environment(path, self._ports, self._consumer_timeout_ms),
            grace_seconds=STOP_SECONDS,
        )

    def _start_virtual_hosts(self) -> None:
        """Start virtual hosts that failed to recover: until then they refuse clients with INTERNAL_ERROR."""
        for vhost in self.management("GET", "/api/vhosts"):
            for node, state in vhost["cluster_state"].items():
                if state != "running":
                    self.management("POST", f"/api/vhosts/{quote(vhost['name'], safe='')}/start/{node}")

    def _answers(self) -> bool:
        try:
            self.management("GET", "/api/health/checks/port-listener/" + str(self._ports["amqp"]))
        except (OSError, http.client.HTTPException, RuntimeError):
            return False
        return True


def find_program() -> Path:
    """Return the newest installed `rabbitmq-server`; raise `MissingServerError` when there is none.

    Debian's wrapper in /usr/sbin changes to the `rabbitmq` user: the program behind it is wanted.
    """
    found = sorted(path for pattern in PROGRAM_PATTERNS for path in Path("/").glob(pattern))
    if not found or shutil.which("erl") is None:
        raise MissingServerError(HOW_TO_INSTALL)
    return found[-1]


def _environment(path: Path, ports: dict[str, int], consumer_timeout_ms: int | None) -> dict[str, str]:
    arguments = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"
    if consumer_timeout_ms is not None:
        for setting in ("consumer_timeout", "channel_tick_interval"):
            arguments += f" -rabbit {setting} {consumer_timeout_ms}"
    return {
        "HOME": str(path),
        "ERL_EPMD_PORT": str(ports["epmd"]),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"mediamill{ports['amqp']}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(ports["amqp"]),
        "RABBITMQ_DIST_PORT": str(ports["distribution"]),
        "RABBITMQ_MNESIA_BASE": str(path / "data"),
        "RABBITMQ_LOG_BASE": str(path / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(path / "rabbitmq.pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(path / "enabled_plugins"),
        "RABBITMQ_CONFIG_FILE": str(path / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(path / "no-such-file"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(path / "generated"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": arguments,
    }


def _write_configuration(path: Path, ports: dict[str, int], statistics_seconds: int) -> None:
    cookie = path / ".erlang.cookie"
    cookie.write_text(secrets.token_hex(16))
    cookie.chmod(0o400)
    (path / "enabled_plugins").write_text("[rabbitmq_management,rabbitmq_prometheus].\n")
    settings = {
        "listeners.tcp.1": f"127.0.0.1:{ports['amqp']}",
        "management.tcp.ip": "127.0.0.1",
        "management.tcp.port": ports["management"],
        "prometheus.tcp.ip": "127.0.0.1",
        "prometheus.tcp.port": ports["prometheus"],
        "default_user": USER,
        "default_pass": PASSWORD,
        "disk_free_limit.absolute": "50MB",
        "vm_memory_high_watermark.absolute": "1GB",
        "collect_statistics_interval": statistics_seconds * 1000,
    }
    lines = [f"{name} = {value}" for name, value in settings.items()]
    (path / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
