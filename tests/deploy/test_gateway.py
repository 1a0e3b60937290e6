"""What the gateway lets through, shown by the gateway's own program with its own configuration."""

import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from mediamill_console.http.app import PATHS as CONSOLE_PATHS
from mediamill_contracts.storage import S3Location
from mediamill_runtime.service import KEEP_ALIVE_SECONDS
from mediamill_storage.object_store import StoreUnavailableError
from mediamill_storage.s3 import S3Stores
from mediamill_storage.s3.bucket_setup import BucketSetup
from mediamill_testing.ports import free_port
from mediamill_testing.servers.process import GuardedProcess, Scratch
from mediamill_testing.servers.s3 import S3Server
from mediamill_testing.waiting import wait_until

CADDY = Path(sys.executable).with_name("caddy")
CADDYFILE = (Path(__file__).resolve().parents[2] / "deploy" / "gateway" / "Caddyfile").read_text()


@dataclass(frozen=True)
class Gateway:
    """Its two addresses: of the API, and of the S3 server behind it."""

    api: str
    s3: str


@pytest.fixture
def gateway(tmp_path: Path, s3_server: S3Server) -> Iterator[Gateway]:
    """Run the gateway before a real S3 server, without any service behind it."""
    port, s3_port, scratch, config = free_port(), free_port(), Scratch("gateway"), tmp_path / "Caddyfile"
    text = CADDYFILE.replace("reverse_proxy s3:8333", f"reverse_proxy 127.0.0.1:{s3_server.port}")
    for inside, outside in ((8080, port), (8333, s3_port)):
        text = text.replace(f"\n:{inside} {{", f"\n:{outside} {{\n\tbind 127.0.0.1")
    config.write_text(text)
    process = GuardedProcess(
        [str(CADDY), "run", "--adapter", "caddyfile", "--config", str(config)],
        scratch=scratch,
        log=tmp_path / "log",
        env={name: str(scratch.path) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")},
    )
    try:
        wait_until(lambda: _listens(port) or not process.running, 60, "Caddy should have started")
        assert process.running, process.log_tail()
        yield Gateway(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{s3_port}")
    finally:
        process.stop()
        scratch.remove()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def test_what_operators_see_stays_inside(gateway: Gateway) -> None:
    """Metrics and health checks of the services are not there for the world."""
    paths = ("/metrics", "/metrics/", "/health/live", "/health/ready")
    with httpx.Client(base_url=gateway.api, timeout=60) as world:
        assert [world.get(path).status_code for path in paths] == [404] * len(paths)


async def test_browsers_reach_the_s3_server_with_signed_addresses_only(
    gateway: Gateway, s3_server: S3Server, s3_location: S3Location
) -> None:
    """What was signed for the gateway's address is stored and given, also from pages, and nothing else."""
    origin = "https://app.example.com"
    await BucketSetup(s3_location, s3_server.credentials).run([origin])
    stores = S3Stores(s3_server.credentials, endpoint=s3_server.url, browser_endpoint=gateway.s3)
    store = stores.at(s3_location)
    signed = await store.direct.signed_put("temp/a.jpg", media_type="image/jpeg", size_bytes=7)
    assert signed.url.startswith(gateway.s3)
    async with httpx.AsyncClient() as browser:
        sent = await browser.put(signed.url, content=b"picture", headers={"Content-Type": "image/jpeg"})
        assert sent.status_code == 200
        assert (await browser.get(await store.direct.signed_get("temp/a.jpg"))).content == b"picture"
        asking = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
        answer = await browser.options(signed.url, headers=asking)
        assert answer.headers["access-control-allow-origin"] == origin
    outside = S3Stores(s3_server.credentials, endpoint=gateway.s3)
    with pytest.raises(StoreUnavailableError):
        await outside.at(s3_location.model_copy(update={"endpoint": gateway.s3})).stat("temp/a.jpg")
    await stores.close()
    await outside.close()


def test_the_gateway_knows_what_the_console_answers() -> None:
    """Operators' calls reach the console, and no other call does."""
    (matched,) = re.findall(r"@console path (.+)", CADDYFILE)
    assert set(matched.split()) == {path + end for path in CONSOLE_PATHS for end in ("", "/*")}


def test_the_gateway_closes_idle_connections_first() -> None:
    """No request goes out over a connection that a service is just giving up: it would end as a 502."""
    (seconds,) = re.findall(r"keepalive (\d+)s", CADDYFILE)
    assert int(seconds) < KEEP_ALIVE_SECONDS
    assert CADDYFILE.count("reverse_proxy {") == CADDYFILE.count("import replicas ") == 3
