"""Messages, queues and handlers that only the conformance suites use."""

import asyncio
from typing import Any, ClassVar

from mediamill_contracts import Message
from mediamill_contracts.topology import Queue, RetryPolicy
from mediamill_messaging.subscription import Delivery, Subscription, route


class Sample(Message):
    """A numbered message with a topic of the test's choice."""

    wire_name: ClassVar[str] = "conformance.sample"

    topic: str = "sample"
    number: int = 0

    @property
    def routing_key(self) -> str:
        """The topic below the suite's own prefix."""
        return f"conformance.{self.topic}"


def queue(name: str, *topics: str, retry: RetryPolicy | None = None, concurrency: int = 4) -> Queue:
    """Return a queue of the suite; topics are below its prefix, the name itself by default."""
    bound = tuple(f"conformance.{topic}" for topic in topics or (name,))
    return Queue(f"conformance.{name}", "conformance", bound, retry or RetryPolicy(), concurrency)


class Recorder:
    """A handler that remembers what it was given, and may fail or wait."""

    def __init__(self) -> None:
        self.seen: list[tuple[Sample, Delivery]] = []
        self.started = 0
        self.running = 0
        self.most_running = 0
        self.failures: list[BaseException] = []
        """Raised one after the other by the next calls; calls after the last one succeed."""
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def numbers(self) -> list[int]:
        """Numbers of the messages that were handled to the end, in order."""
        return [message.number for message, _ in self.seen]

    async def handle(self, message: Sample, delivery: Delivery) -> None:
        """Take one message."""
        self.started += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await self.gate.wait()
            if self.failures:
                raise self.failures.pop(0)
            self.seen.append((message, delivery))
        finally:
            self.running -= 1

    def on(self, work: Queue, **options: Any) -> Subscription:
        """Subscribe this handler to a queue."""
        return Subscription(work, (route(Sample, self.handle),), **options)
