"""From one outbox row to the queues and broadcasts that its routing key reaches, as in a topic exchange."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_contracts.topology import QUEUES, Broadcast, Queue
from mediamill_messaging.subscription import topic_matches
from mediamill_outbox.tables import outbox


@dataclass(frozen=True, slots=True)
class Targets:
    """Names of the queues and broadcasts that take a message."""

    queues: tuple[str, ...]
    broadcasts: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.queues or self.broadcasts)


class Router:
    """The topology's bindings, in memory.

    Knows every queue of the topology, also those nobody consumes here: their messages wait, as in a broker.
    """

    def __init__(self, queues: Iterable[Queue], broadcasts: Iterable[Broadcast]) -> None:
        self._queues = {queue.name: queue for queue in (*QUEUES, *queues)}
        self._broadcasts = tuple(broadcasts)
        self._by_topic = lru_cache(maxsize=1024)(self._match)

    def targets(self, exchange: str, routing_key: str) -> Targets:
        """Return who takes a message; the empty exchange addresses one queue by its name."""
        if exchange == "":
            return Targets((routing_key,) if routing_key in self._queues else (), ())
        return self._by_topic(routing_key)

    def _match(self, routing_key: str) -> Targets:
        return Targets(
            tuple(name for name, queue in self._queues.items() if _any_matches(queue.topics, routing_key)),
            tuple(item.name for item in self._broadcasts if _any_matches(item.topics, routing_key)),
        )


def _any_matches(patterns: Iterable[str], routing_key: str) -> bool:
    return any(topic_matches(pattern, routing_key) for pattern in patterns)


async def take_outbox(session: AsyncSession, limit: int, *, only_undecided: bool) -> Sequence[Row[Any]]:
    """Delete up to `limit` due rows from the outbox and return them, oldest first.

    With `only_undecided`, rows that may have gone to the broker already stay.
    """
    due = select(outbox.c.id).where(outbox.c.available_at <= time.time())
    if only_undecided:
        due = due.where(outbox.c.to_broker.is_(False))
    due = due.order_by(outbox.c.id).limit(limit).with_for_update(skip_locked=True)
    statement = delete(outbox).where(outbox.c.id.in_(due.scalar_subquery())).returning(outbox)
    return sorted((await session.execute(statement)).all(), key=lambda row: row.id)
