"""Ports that nobody else will take between the moment they are picked and the moment a server listens.

Asking the kernel for port 0 is a race: the port is free again as soon as it is known. Here a port is claimed
with a name in the abstract Unix socket namespace, which all users of this module on one machine share and
which the kernel releases when the claiming process ends. Candidates lie below the range the kernel hands out
for outgoing connections, so that no client takes one by accident.
"""

import random
import socket

FIRST_PORT = 10_000
LAST_PORT = 32_000
ATTEMPTS = 500

_claims: dict[int, socket.socket] = {}


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that stays this process's own until it ends.

    Raises `RuntimeError` when no port could be claimed.
    """
    for _ in range(ATTEMPTS):
        port = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311 - spreads parallel users, guards nothing
        claim = _claim(port)
        if claim is not None:
            _claims[port] = claim
            return port
    raise RuntimeError(f"no free TCP port between {FIRST_PORT} and {LAST_PORT} after {ATTEMPTS} attempts")


def release_port(port: int) -> None:
    """Let others claim `port` again; a port that was never claimed is ignored."""
    claim = _claims.pop(port, None)
    if claim is not None:
        claim.close()


def _claim(port: int) -> socket.socket | None:
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0mediamill-port-{port}")
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        return None
    return claim
