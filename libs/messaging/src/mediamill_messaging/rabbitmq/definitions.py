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
from mediamill_messaging.rabbitmq.topology import Topology

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
        "topic_permissions": [_topic_permission(service, access, vhost) for service, access in users.items()],
        "exchanges": [
            {"name": name, "vhost": vhost, "type": kind, **_DURABLE, "internal": False}
            for name, kind in topology.planned_exchanges().items()
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
    own_queues = [re.escape(queue.name) for queue in QUEUES if queue.service == service]
    heard = [rf"{re.escape(name)}\.[0-9a-f]{{32}}" for name in _broadcasts(service)]
    writes, reads = [], []
    if access.publishes:
        writes.append(re.escape(EVENTS_EXCHANGE))
    if own_queues:
        retries = {delay_name(d) for queue in QUEUES if queue.service == service for d in queue.retry.delays}
        writes += [re.escape(name) for name in (DEAD_LETTER_EXCHANGE, *sorted(retries))]
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


def _topic_permission(service: str, access: Access, vhost: str) -> dict[str, str]:
    heard = [topic for item in BROADCASTS if item.service == service for topic in item.topics]
    return {
        "user": service,
        "vhost": vhost,
        "exchange": EVENTS_EXCHANGE,
        "write": _any_of([_as_expression(topic) for topic in access.publishes]),
        "read": _any_of([_as_expression(topic) for topic in heard]),
    }


def _broadcasts(service: str) -> list[str]:
    return [item.name for item in BROADCASTS if item.service == service]


def _as_expression(topic: str) -> str:
    return r"\.".join(_WORDS.get(word, re.escape(word)) for word in topic.split("."))


def _any_of(expressions: list[str]) -> str:
    return f"^({'|'.join(expressions)})$" if expressions else NOTHING
