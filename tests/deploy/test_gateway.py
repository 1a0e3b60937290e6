"""What the gateway lets through, shown by the gateway's own program with its own configuration."""

import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mediamill_console.http.app import PATHS as CONSOLE_PATHS
from mediamill_runtime.service import KEEP_ALIVE_SECONDS
from mediamill_testing.ports import free_port
from mediamill_testing.servers.process import GuardedProcess, Scratch
from mediamill_testing.waiting import wait_until

CADDY = Path(sys.executable).with_name("caddy")
CADDYFILE = (Path(__file__).resolve().parents[2] / "deploy" / "gateway" / "Caddyfile").read_text()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[str]:
    """Run the gateway without any service behind it; give its address."""
    port, scratch, config = free_port(), Scratch("gateway"), tmp_path / "Caddyfile"
    config.write_text(CADDYFILE.replace(":8080 {", f":{port} {{\n\tbind 127.0.0.1"))
    process = GuardedProcess(
        [str(CADDY), "run", "--adapter", "caddyfile", "--config", str(config)],
        scratch=scratch,
        log=tmp_path / "log",
        env={name: str(scratch.path) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")},
    )
    try:
        wait_until(lambda: _listens(port) or not process.running, 60, "Caddy should have started")
        assert process.running, process.log_tail()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()
        scratch.remove()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def test_what_operators_see_stays_inside(gateway: str) -> None:
    """Metrics and health checks of the services are not there for the world."""
    paths = ("/metrics", "/metrics/", "/health/live", "/health/ready")
    with httpx.Client(base_url=gateway, timeout=60) as world:
        assert [world.get(path).status_code for path in paths] == [404] * len(paths)


def test_the_gateway_knows_what_the_console_answers() -> None:
    """Operators' calls reach the console, and no other call does."""
    (matched,) = re.findall(r"@console path (.+)", CADDYFILE)
    assert set(matched.split()) == {path + end for path in CONSOLE_PATHS for end in ("", "/*")}


def test_the_gateway_closes_idle_connections_first() -> None:
    """No request goes out over a connection that a service is just giving up: it would end as a 502."""
    (seconds,) = re.findall(r"keepalive (\d+)s", CADDYFILE)
    assert int(seconds) < KEEP_ALIVE_SECONDS
    assert CADDYFILE.count("reverse_proxy {") == CADDYFILE.count("import replicas ") == 3
