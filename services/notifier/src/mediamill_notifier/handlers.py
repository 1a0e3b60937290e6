"""From events to sockets."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from mediamill_contracts import Message
from mediamill_messaging.subscription import Delivery, Route, route
from mediamill_notifier.notifications import MAPPINGS, Mapping, Notification

REMEMBERED_EVENTS = 10_000
"""Redeliveries follow within seconds; this many events is minutes at full load and about 1 MB."""

Send = Callable[[Notification], Awaitable[None]]


class RecentEvents:
    """Ids of the latest events, so that one that arrives twice is told once."""

    def __init__(self, capacity: int = REMEMBERED_EVENTS) -> None:
        self._capacity = capacity
        self._ids: OrderedDict[str, None] = OrderedDict()

    def is_first(self, event_id: str) -> bool:
        """Remember `event_id`; return whether it was unknown."""
        if event_id in self._ids:
            return False
        self._ids[event_id] = None
        if len(self._ids) > self._capacity:
            self._ids.popitem(last=False)
        return True


def notification_routes(send: Send) -> tuple[Route, ...]:
    """Return a route for each event that clients hear of."""
    recent = RecentEvents()
    return tuple(route(model, _handler(notify, send, recent)) for model, notify in MAPPINGS)


def _handler(
    notify: Mapping, send: Send, recent: RecentEvents
) -> Callable[[Message, Delivery], Awaitable[None]]:
    async def on_event(event: Any, delivery: Delivery) -> None:
        if recent.is_first(delivery.event_id):
            await _send_all(notify(event), send)

    return on_event


async def _send_all(notifications: Iterable[Notification], send: Send) -> None:
    for notification in notifications:
        await send(notification)
