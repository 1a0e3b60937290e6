"""Durable messaging over SQL: outbox relay, inbox, embedded bus, dead letters.

What speaks to RabbitMQ is in `rabbit`, and loads a broker's client; whoever only writes does without.
"""

from mediamill_outbox.dead_letters import (
    DeadLetterClosedError,
    DeadLetterEffect,
    discard,
    record_dead_letter,
    replay,
)
from mediamill_outbox.embedded_bus import EmbeddedBus
from mediamill_outbox.emit import OutboxPublisher, emit
from mediamill_outbox.inbox import first_time
from mediamill_outbox.relay import Relay

__all__ = [
    "DeadLetterClosedError",
    "DeadLetterEffect",
    "EmbeddedBus",
    "OutboxPublisher",
    "Relay",
    "discard",
    "emit",
    "first_time",
    "record_dead_letter",
    "replay",
]
