"""`mediamill-broker-setup`: gives each service its own user on RabbitMQ, and the broker its topology.

Run before the services of a release start, as `mediamill-migrate` is for the database; again: the same. It is
the only one that needs an administrator's password.
"""

import argparse
import base64
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from mediamill_contracts.access import ACCESS
from mediamill_messaging.rabbitmq.definitions import definitions

URL_VARIABLE = "BROKER_ADMIN_URL"
TIMEOUT_SECONDS = 30.0
_HELP = """\
The passwords come from the environment: INGEST_BROKER_PASSWORD, STORAGE_SYNC_BROKER_PASSWORD and so on. A
service without one gets no user. BROKER_ADMIN_URL is the management API, as in http://user:password@rabbitmq:15672.
"""


class BrokerSetupError(Exception):
    """The broker did not take the definitions; the text says why, without secrets."""


def main() -> int:
    """Import the definitions; the exit code is 2 when something is missing, 1 when the broker says no."""
    arguments = _arguments()
    passwords = passwords_of(os.environ)
    if not passwords:
        sys.stderr.write("mediamill-broker-setup: no password is set, as in INGEST_BROKER_PASSWORD\n")
        return 2
    wanted = definitions(passwords, vhost=arguments.vhost)
    if arguments.print:
        sys.stdout.write(json.dumps(wanted, indent=2) + "\n")
        return 0
    url = os.environ.get(URL_VARIABLE)
    if not url:
        sys.stderr.write(f"mediamill-broker-setup: {URL_VARIABLE} is not set\n")
        return 2
    try:
        import_definitions(url, wanted)
    except BrokerSetupError as error:
        sys.stderr.write(f"mediamill-broker-setup: {error}\n")
        return 1
    sys.stdout.write(f"users: {', '.join(sorted(passwords))}; queues: {len(wanted['queues'])}\n")
    return 0


def passwords_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the passwords that the environment has, by service."""
    given = {service: environment.get(password_variable(service), "") for service in ACCESS}
    return {service: password for service, password in given.items() if password}


def password_variable(service: str) -> str:
    """Return the name of the variable that holds a service's password."""
    return f"{service.upper().replace('-', '_')}_BROKER_PASSWORD"


def import_definitions(url: str, wanted: Mapping[str, Any]) -> None:
    """Send definitions to a broker's management API at `http://user:password@host:port`.

    What is there already stays, with the rights and passwords that are named here. Raises BrokerSetupError.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in {"http", "https"} or parts.hostname is None:
        raise BrokerSetupError(f"{URL_VARIABLE} is no URL like http://user:password@host:15672")
    user, password = (urllib.parse.unquote(part or "") for part in (parts.username, parts.password))
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/api/definitions"
    request = urllib.request.Request(  # noqa: S310 - the scheme was looked at above
        address,
        json.dumps(wanted).encode(),
        {
            "Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode(),
            "Content-Type": "application/json",
        },
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310 - as above
            pass
    except urllib.error.HTTPError as error:
        reason = error.read(500).decode(errors="replace")
        raise BrokerSetupError(f"{address} answered {error.code}: {reason}") from None
    except OSError as error:
        raise BrokerSetupError(f"{address} does not answer: {error}") from None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="mediamill-broker-setup",
        description="Give each service its own RabbitMQ user with the rights that it needs.",
        epilog=_HELP,
    )
    parser.add_argument("--vhost", default="/", help="virtual host (default: /)")
    parser.add_argument("--print", action="store_true", help="show the definitions instead of importing them")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
