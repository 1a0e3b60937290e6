"""A message sealed for the way: bytes, address and headers, the same for every transport."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mediamill_contracts.message import MAX_MESSAGE_BYTES, Message
from mediamill_contracts.topology import EVENTS_EXCHANGE
from mediamill_messaging.errors import PermanentError
from mediamill_messaging.tracing import inject_current

FAILURES = "x-failures"
"""Header: deliveries so far that ended in an exception."""
CRASHES = "x-crashes"
"""Header: deliveries before the last retry that ended without an answer."""
CODE = "x-code"
"""Header: stable reason of the failure."""
ERROR = "x-error"
"""Header: text of the last failure."""
FAILED_AT = "x-failed-at"
"""Header: when it failed last, in Unix seconds."""
QUEUE = "x-queue"
"""Header: the work queue that failed."""
ORIGIN_KEY = "x-origin-key"
"""Header: routing key the message was first published under."""
REPLAYED = "x-replayed"
"""Header: id of the dead letter that was replayed."""

FAILURE_HEADERS = frozenset({FAILURES, CRASHES, CODE, ERROR, FAILED_AT, QUEUE})
"""What a replay forgets: a replayed message starts with a clean record."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Everything that a transport needs to carry a message, and nothing it has to understand."""

    event_id: str
    type: str
    routing_key: str
    payload: bytes
    headers: Mapping[str, Any] = field(default_factory=dict)
    exchange: str = EVENTS_EXCHANGE
    """Empty for the default exchange: the routing key is then the name of one queue."""


def seal(
    message: Message,
    *,
    exchange: str = EVENTS_EXCHANGE,
    routing_key: str | None = None,
    event_id: str | None = None,
) -> Envelope:
    """Serialise a message and stamp it with the current trace.

    Raises PermanentError(`message_too_large`) above 256 KiB: messages carry keys, never bytes.
    """
    payload = message.model_dump_json().encode()
    if len(payload) > MAX_MESSAGE_BYTES:
        raise PermanentError("message_too_large", f"{message.wire_name} has {len(payload)} bytes")
    return Envelope(
        event_id=event_id or str(message.message_id()),
        type=message.wire_name,
        routing_key=routing_key or message.routing_key,
        payload=payload,
        headers=inject_current(),
        exchange=exchange,
    )
