"""RabbitMQ's definitions of an installation: the topology, and a user for each service with its rights.

Whoever takes a worker over reads that worker's messages, and no others: users consume their own queues,
publish what their service publishes, and create and delete nothing but the queues of their own broadcasts.
The topology comes with the definitions, so that nobody needs the right to declare it.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Any

from mediamill_contracts.access import ACCESS, Access
from mediamill_contracts.topology import (
    BROADCASTS,
    DEAD_LETTER_EXCHANGE,
    EVENTS_EXCHANGE,
    QUEUES,
    delay_name,
)
from mediamill_messaging.rabbitmq.topology import EXCHANGE_KIND, Topology

NOTHING = "^$"
_DEFAULT_EXCHANGE = "amq.default"
"""How permissions name the exchange that leads to one queue."""
_WORDS = {"*": r"[^.]+", "#": r".*"}
_SALT_BYTES = 4


def definitions(passwords: Mapping[str, str], *, vhost: str = "/") -> dict[str, Any]:
    """Return the document that RabbitMQ imports; `passwords` are by service, and who has none gets no user.

    Raises KeyError for the password of a service that does not exist.
    """
    topology = Topology.of((), ())
    users = {service: ACCESS[service] for service in passwords}
    return {
        "vhosts": [{"name": vhost}],
        "users": [_user(service, password) for service, password in passwords.items()],
        "permissions": [_permission(service, access, vhost) for service, access in users.items()],
        "topic_permissions": [
            permission
            for service, access in users.items()
            for permission in _topic_permissions(service, access, vhost)
        ],
        "exchanges": [
            {"name": name, "vhost": vhost, "type": EXCHANGE_KIND, **_DURABLE, "internal": False}
            for name in topology.planned_exchanges()
        ],
        "queues": [
            {"name": queue.name, "vhost": vhost, **_DURABLE, "arguments": queue.arguments}
            for queue in topology.planned_queues()
        ],
        "bindings": [
            {
                "source": queue.exchange,
                "vhost": vhost,
                "destination": queue.name,
                "destination_type": "queue",
                "routing_key": key,
                "arguments": {},
            }
            for queue in topology.planned_queues()
            for key in queue.keys
        ],
    }


_DURABLE = {"durable": True, "auto_delete": False, "arguments": {}}


def _user(service: str, password: str) -> dict[str, Any]:
    """Return a user without the password itself: what is imported may be kept in a file."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.sha256(salt + password.encode()).digest()
    return {
        "name": service,
        "password_hash": base64.b64encode(salt + digest).decode(),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": [],
    }


def _permission(service: str, access: Access, vhost: str) -> dict[str, str]:
    own_queues = [re.escape(name) for name in _queues(service)]
    heard = [rf"{re.escape(name)}\.[0-9a-f]{{32}}" for name in _broadcasts(service)]
    writes, reads = [], []
    if access.publishes:
        writes.append(re.escape(EVENTS_EXCHANGE))
    writes += [re.escape(name) for name in _ways_back(service)]
    if access.sends_outbox:
        writes.append(re.escape(_DEFAULT_EXCHANGE))
    if access.collects_dead_letters:
        reads += [re.escape(queue.dead_letter_name) for queue in QUEUES]
    if heard:
        reads.append(re.escape(EVENTS_EXCHANGE))
    return {
        "user": service,
        "vhost": vhost,
        "configure": _any_of(heard),
        "write": _any_of([*writes, *heard]),
        "read": _any_of([*own_queues, *reads, *heard]),
    }


def _topic_permissions(service: str, access: Access, vhost: str) -> list[dict[str, str]]:
    """Return under which keys a service publishes; what it puts off or gives up is of its own queues."""
    heard = [topic for item in BROADCASTS if item.service == service for topic in item.topics]
    own_queues = _any_of([re.escape(name) for name in _queues(service)])
    keys = {EVENTS_EXCHANGE: (_any_of(list(map(_as_expression, access.publishes))), heard)}
    keys |= {exchange: (own_queues, []) for exchange in _ways_back(service)}
    return [
        {
            "user": service,
            "vhost": vhost,
            "exchange": exchange,
            "write": written,
            "read": _any_of(list(map(_as_expression, bound))),
        }
        for exchange, (written, bound) in keys.items()
    ]


def _queues(service: str) -> list[str]:
    return [queue.name for queue in QUEUES if queue.service == service]


def _ways_back(service: str) -> list[str]:
    """Return the exchanges for messages that the service's queues put off, or give up."""
    own = [queue for queue in QUEUES if queue.service == service]
    delays = {delay for queue in own for delay in queue.retry.delays}
    return [DEAD_LETTER_EXCHANGE, *map(delay_name, sorted(delays))] if own else []


def _broadcasts(service: str) -> list[str]:
    return [item.name for item in BROADCASTS if item.service == service]


def _as_expression(topic: str) -> str:
    return r"\.".join(_WORDS.get(word, re.escape(word)) for word in topic.split("."))


def _any_of(expressions: list[str]) -> str:
    return f"^({'|'.join(expressions)})$" if expressions else NOTHING
