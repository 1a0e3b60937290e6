"""What a service consumes, as data: queues, message types and plain async functions."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mediamill_contracts import Message
from mediamill_contracts.topology import Broadcast, Queue, RetryPolicy

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Delivery:
    """One delivery of one message, whichever transport brought it."""

    queue: str
    event_id: str
    type: str
    routing_key: str
    headers: Mapping[str, Any] = field(default_factory=dict)
    failures: int = 0
    """Earlier deliveries that ended in an exception."""
    crashes: int = 0
    """Earlier deliveries that ended without an answer."""
    transport: str = "embedded"

    @property
    def attempt(self) -> int:
        """Count of this try, from 1."""
        return self.failures + self.crashes + 1


Handler = Callable[[Any, Delivery], Awaitable[None]]


@dataclass(frozen=True)
class Route:
    """One message type and the function that takes it."""

    model: type[Message]
    handler: Handler


def route(model: type[M], handler: Callable[[M, Delivery], Awaitable[None]]) -> Route:
    """Pair a message type with its handler; the type checker compares the two."""
    return Route(model, handler)


@dataclass(frozen=True)
class Subscription:
    """A work queue and what is done with each message type in it.

    `retry` and `concurrency` replace the queue's own values when settings ask for it.
    """

    queue: Queue
    routes: tuple[Route, ...]
    retry: RetryPolicy | None = None
    concurrency: int | None = None

    @property
    def retry_policy(self) -> RetryPolicy:
        """Policy in force."""
        return self.retry or self.queue.retry

    @property
    def prefetch(self) -> int:
        """Messages handled at once."""
        return self.concurrency or self.queue.concurrency


@dataclass(frozen=True)
class BroadcastSubscription:
    """A stream of which every replica gets each message once while it runs; nothing is stored for it."""

    broadcast: Broadcast
    routes: tuple[Route, ...]


def topic_matches(pattern: str, routing_key: str) -> bool:
    """Match as an AMQP topic exchange does: `*` is one word, `#` is zero or more."""
    return _matches(pattern.split("."), routing_key.split("."))


def _matches(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    head, rest = pattern[0], pattern[1:]
    if head == "#":
        return any(_matches(rest, words[i:]) for i in range(len(words) + 1))
    return bool(words) and head in ("*", words[0]) and _matches(rest, words[1:])
