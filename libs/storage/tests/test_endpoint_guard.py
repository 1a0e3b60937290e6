"""Endpoints that somebody typed in lead to the Internet only, whatever they resolve to and redirect to."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from mediamill_contracts.storage import S3Location
from mediamill_storage.object_store import StoreUnavailableError
from mediamill_storage.s3 import EndpointGuard, EndpointRefusedError, S3Credentials, S3Http, S3Stores
from mediamill_storage.s3.endpoint_guard import is_public

KEYS = S3Credentials("key", "secret")
ONCE = S3Http(attempts=1, connect_seconds=5, read_seconds=5)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.31.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_inner_addresses_are_not_public(address: str) -> None:
    """Loopback, private, link-local, shared, multicast, reserved, and IPv6 forms that hide IPv4 ones."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "52.216.0.1", "2600:1f00::1", "2a00:1450:4001::1"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    """Where Amazon and others really are."""
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://s3.example.com",
        "file:///etc/passwd",
        "s3.example.com",
        "http://",
        "http://user@s3.example.com",
        "http://user:password@s3.example.com",
        "http://s3.example.com?a=b",
        "http://s3.example.com/#a",
        "http://s3.example.com:0",
        "http://s3.example.com:99999",
        "http://[::1",
    ],
)
async def test_malformed_endpoints_are_refused(url: str) -> None:
    """An endpoint is a scheme, a host and perhaps a port and a path, and nothing that could hide another."""
    with pytest.raises(EndpointRefusedError):
        await EndpointGuard([]).check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:9000",
        "http://127.0.0.1:9000",
        "http://127.1:9000",
        "http://2130706433",
        "http://0x7f000001",
        "http://0",
        "http://[::1]:9000",
        "http://[::ffff:127.0.0.1]",
        "http://169.254.169.254/latest/meta-data",
    ],
)
async def test_all_spellings_of_inner_addresses_are_refused(url: str) -> None:
    """It counts where a name leads, not how it is written."""
    with pytest.raises(EndpointRefusedError, match="public"):
        await EndpointGuard([]).check(url)


@pytest.mark.parametrize(
    ("allowed", "trusted"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("localhost:9000", True),
        ("http://localhost:9000", True),
        ("localhost:9001", False),
        ("http://localhost", False),
        ("127.0.0.1", False),
    ],
)
def test_the_operator_allows_hosts_by_name(allowed: str, trusted: bool) -> None:
    """An entry without a port covers all of a host's; one for another port or host covers nothing."""
    assert EndpointGuard([allowed]).trusts("http://LocalHost:9000") is trusted


class Listener:
    """A server that notes that it was asked, and answers with a redirect."""

    def __init__(self) -> None:
        self.asked = 0
        self.redirect_to = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        self.asked += 1
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 307 Moved\r\nLocation: {self.redirect_to}\r\nContent-Length: 0\r\n"
        writer.write(head.encode() + b"Connection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def listeners() -> AsyncIterator[tuple[tuple[Listener, str], tuple[Listener, str]]]:
    """Give two servers on loopback with their URLs; each redirects to the other."""
    both = [Listener(), Listener()]
    servers = [await asyncio.start_server(each.serve, "127.0.0.1", 0) for each in both]
    urls = [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers]
    both[0].redirect_to, both[1].redirect_to = f"{urls[1]}/bucket/temp/a.jpg", urls[0]
    yield (both[0], urls[0]), (both[1], urls[1])
    for server in servers:
        server.close()


async def test_an_inner_endpoint_is_not_asked(
    listeners: tuple[tuple[Listener, str], tuple[Listener, str]],
) -> None:
    """A store at an inner address that nobody allowed sends nothing there."""
    (listener, url), _ = listeners
    stores = S3Stores(KEYS, http=ONCE)
    with pytest.raises(EndpointRefusedError):
        await stores.at(S3Location(bucket="bucket", endpoint=url)).stat("temp/a.jpg")
    await stores.close()
    assert listener.asked == 0


async def test_a_name_that_changes_its_address_is_not_followed(
    listeners: tuple[tuple[Listener, str], tuple[Listener, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public when it is checked and inner when it is used leads nowhere (DNS rebinding)."""
    (listener, url), _ = listeners
    port = int(url.rpartition(":")[2])
    answers = [("203.0.114.1", port), ("127.0.0.1", port)]
    resolved: list[str] = []

    async def rebinding(_host: str, _port: int, **_options: object) -> list[tuple[object, ...]]:
        address = answers[min(len(resolved), 1)]
        resolved.append(address[0])
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebinding)
    stores = S3Stores(KEYS, http=ONCE)
    with pytest.raises(StoreUnavailableError):
        await stores.at(S3Location(bucket="bucket", endpoint=f"http://rebind.example:{port}")).stat("temp/a")
    await stores.close()
    assert resolved == ["203.0.114.1", "127.0.0.1"]
    assert listener.asked == 0


async def test_redirects_are_not_followed(
    listeners: tuple[tuple[Listener, str], tuple[Listener, str]],
) -> None:
    """Not even an allowed server can send requests elsewhere."""
    (listener, url), (other, _) = listeners
    stores = S3Stores(KEYS, allowed_endpoints=[url], http=ONCE)
    with pytest.raises(EndpointRefusedError, match="redirects"):
        await stores.at(S3Location(bucket="bucket", endpoint=url)).stat("temp/a.jpg")
    await stores.close()
    assert (listener.asked, other.asked) == (1, 0)


async def test_amazons_own_endpoint_needs_no_name() -> None:
    """A location without an endpoint is Amazon's, and nothing is asked until somebody needs an object."""
    stores = S3Stores(KEYS)
    assert stores.at(S3Location(bucket="photos", region="eu-central-1")).location.endpoint is None
    await stores.close()


async def test_the_environments_own_endpoint_is_trusted(
    s3_location: S3Location, s3_credentials: S3Credentials
) -> None:
    """`S3_ENDPOINT` may be in the inner network; the same location gives the same store."""
    stores = S3Stores(s3_credentials, endpoint=s3_location.endpoint)
    await stores.at(s3_location).check()
    assert stores.at(s3_location) is stores.at(s3_location.model_copy())
    await stores.close()
