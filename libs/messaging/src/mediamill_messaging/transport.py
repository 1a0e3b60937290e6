"""The two ports that a service sees of messaging: publish, and a life cycle."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mediamill_contracts import Message


class Publisher(Protocol):
    """Sends messages: work and results durably, news in passing."""

    async def publish(self, message: Message) -> None:
        """Publish and wait for the confirm.

        Raises UnroutableError when nothing can take it, BrokerUnavailableError when no confirm came.
        """

    async def announce(self, message: Message) -> None:
        """Tell whoever listens now, without a promise: for news that the next one outdates.

        For topics that only broadcasts take: nothing is stored or confirmed, no work queue served.
        Raises BrokerUnavailableError when there is no connection.
        """


class Transport(Protocol):
    """Runs subscriptions until it is told to stop."""

    async def start(self) -> None:
        """Begin to connect and consume in the background; return without waiting for the broker."""

    async def stop(self, grace_seconds: float) -> None:
        """Take no new deliveries, let running handlers end within the grace time, then close."""

    async def check(self) -> None:
        """Make a real round trip; raise when the transport is not usable now."""


@dataclass(frozen=True)
class DeadLetter:
    """A message that was given up, with all that is needed to understand and to replay it."""

    queue: str
    event_id: str
    type: str
    routing_key: str
    payload: bytes
    headers: Mapping[str, Any] = field(default_factory=dict)
    code: str = "unexpected_error"
    error: str = ""
    failures: int = 0


DeadLetterSink = Callable[[DeadLetter], Awaitable[None]]
"""Takes over a dead letter for good; when it raises, the letter stays where it was."""
