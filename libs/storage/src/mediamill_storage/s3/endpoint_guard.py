"""Keeps an endpoint that somebody typed into the settings from leading into the inner network.

Whoever may set the endpoint could else make services ask the cloud's metadata address, a neighbour's admin
port or this machine itself. Names are no safer than addresses: a name may resolve to a public address when it
is checked and to an inner one when it is used. So the address is checked where the connection is made.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from mediamill_storage.object_store import StoreUnavailableError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
"""Global unicast (RFC 4291): leaves out mapped, compatible, NAT64, local, site-local and multicast ones."""
_SPECIAL_IPV4 = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("192.88.99.0/24"))
"""Protocol assignments (RFC 6890) and relays from IPv6 (RFC 7526), which count as global."""

AddressInfo = tuple[
    int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]
]


class EndpointRefusedError(StoreUnavailableError):
    """The endpoint must not be connected to; `detail` is safe to show."""

    def __init__(self, detail: str) -> None:
        super().__init__("endpoint_refused", detail)


class EndpointGuard:
    """Decides which endpoints may be used: public ones, and those that the operator allowed."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        """Trust the hosts in `allowed`, each `host` (any port), `host:port` or a URL, wherever they lead."""
        self._allowed = {_host_and_port(entry) for entry in allowed}

    def trusts(self, url: str) -> bool:
        """Return whether the operator allowed this endpoint; raises EndpointRefusedError if malformed."""
        parts = _checked(url)
        host = parts.hostname or ""
        return not self._allowed.isdisjoint({(host, None), (host, _port_of(parts))})

    async def check(self, url: str) -> None:
        """Raise EndpointRefusedError unless the endpoint is allowed or all its addresses are public.

        This gives an early and clear answer; `public_socket` is what connections are made with.
        """
        if self.trusts(url):
            return
        parts = urlsplit(url)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                parts.hostname, _port_of(parts), type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            raise StoreUnavailableError("unreachable", "the endpoint's name is not known") from error
        if not all(is_public(str(address[0])) for *_, address in found):
            raise EndpointRefusedError("the endpoint is not at a public address")


def public_socket(info: AddressInfo) -> socket.socket:
    """Make the socket for one connection; raises PermissionError unless its address is public."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise PermissionError("the endpoint is not at a public address")
    return socket.socket(family, kind, protocol)


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the Internet's, and no way around to an inner one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if not ip.is_global or ip.is_multicast:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        return ip in _PUBLIC_IPV6 and ip.sixtofour is None and ip.teredo is None
    return not any(ip in network for network in _SPECIAL_IPV4)


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in _DEFAULT_PORTS and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise EndpointRefusedError("an endpoint is http:// or https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise EndpointRefusedError("an endpoint carries no user name and no password")
    if parts.query or parts.fragment:
        raise EndpointRefusedError("an endpoint has no query and no fragment")
    return parts


def _port_of(parts: SplitResult) -> int:
    return parts.port or _DEFAULT_PORTS[parts.scheme]


def _host_and_port(entry: str) -> tuple[str, int | None]:
    if "://" in entry:
        parts = _checked(entry)
        return parts.hostname or "", _port_of(parts)
    parts = urlsplit(f"//{entry}")
    return parts.hostname or "", parts.port
