"""Hands out a fixed number of seats: interactive jobs before bulk jobs, each lane in its order of arrival."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

from mediamill_contracts.recipe import Lane

BULK_TURN = 20
"""A waiting bulk job is let in after so many interactive ones, so that it waits long but not for ever."""

T = TypeVar("T")


class Seats(Generic[T]):
    """Seats, and two queues of who waits for one. For one event loop."""

    def __init__(self, seats: Iterable[T]) -> None:
        self._free = deque(seats)
        self._count = len(self._free)
        self._waiting: dict[Lane, deque[asyncio.Future[T]]] = {"interactive": deque(), "bulk": deque()}
        self._interactive_in_a_row = 0

    @property
    def taken(self) -> int:
        """Seats in use."""
        return self._count - len(self._free)

    @property
    def waiting(self) -> int:
        """Jobs without a seat."""
        return sum(len(queue) for queue in self._waiting.values())

    async def take(self, lane: Lane) -> T:
        """Wait for a seat and return it; give it back with `give_back`."""
        if self._free:
            return self._free.popleft()
        turn: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting[lane].append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(turn.result())
            else:
                self._waiting[lane].remove(turn)
            raise

    def give_back(self, seat: T) -> None:
        """Pass the seat on to who is next."""
        queue = self._next_queue()
        if queue:
            queue.popleft().set_result(seat)
        else:
            self._free.append(seat)

    def _next_queue(self) -> deque[asyncio.Future[T]]:
        interactive, bulk = self._waiting["interactive"], self._waiting["bulk"]
        if interactive and not (bulk and self._interactive_in_a_row >= BULK_TURN):
            self._interactive_in_a_row += 1
            return interactive
        self._interactive_in_a_row = 0
        return bulk
