"""Durable messaging over SQL: outbox relay, inbox, embedded bus, dead letters."""

from mediamill_outbox.dead_letters import (
    DeadLetterClosedError,
    DeadLetterEffect,
    discard,
    record_dead_letter,
    replay,
)
from mediamill_outbox.embedded_bus import EmbeddedBus
from mediamill_outbox.emit import OutboxPublisher, emit
from mediamill_outbox.inbox import first_time, prune_inbox

__all__ = [
    "DeadLetterClosedError",
    "DeadLetterEffect",
    "EmbeddedBus",
    "OutboxPublisher",
    "discard",
    "emit",
    "first_time",
    "prune_inbox",
    "record_dead_letter",
    "replay",
]
