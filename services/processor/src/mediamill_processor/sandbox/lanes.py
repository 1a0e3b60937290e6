"""Hands out seats: interactive jobs before bulk jobs, each lane in its order of arrival.

Bulk jobs may fill all ordinary seats, and none that runs is interrupted. Express seats are for interactive
jobs alone: one that comes then need not wait until somebody gets up.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Generic, TypeVar

from mediamill_contracts.recipe import Lane

BULK_TURN = 20
"""A waiting bulk job is let in after so many interactive ones, so that it waits long but not for ever."""

T = TypeVar("T")


class Seats(Generic[T]):
    """Seats, and two queues of who waits for one. For one event loop.

    As many jobs run as there are ordinary seats; interactive ones do not count bulk ones among them.
    """

    def __init__(self, seats: Iterable[T]) -> None:
        self._free = deque(seats)
        self._most = len(self._free)
        self._express: list[T] = []
        self._free_express: deque[T] = deque()
        self._running: Counter[Lane] = Counter()
        self._waiting: dict[Lane, deque[asyncio.Future[T]]] = {"interactive": deque(), "bulk": deque()}
        self._interactive_in_a_row = 0

    @property
    def taken(self) -> int:
        """Seats in use."""
        return self._running.total()

    def in_hand(self, lane: Lane) -> int:
        """Jobs that a job of this lane competes with, itself included: for interactive ones, its own kind."""
        if lane == "bulk":
            return self.taken + self.waiting
        return self._running[lane] + len(self._waiting[lane])

    @property
    def waiting(self) -> int:
        """Jobs without a seat."""
        return sum(len(queue) for queue in self._waiting.values())

    def add_express(self, seat: T) -> None:
        """Have one more seat, for interactive jobs that find all others taken."""
        self._express.append(seat)
        self._free_express.append(seat)
        self._pass_on()

    async def take(self, lane: Lane) -> T:
        """Wait for a seat and return it; give it back with `give_back`."""
        if self._may_begin(lane):
            return self._begin(lane)
        turn: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting[lane].append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(turn.result(), lane)
            else:
                with suppress(ValueError):
                    self._waiting[lane].remove(turn)
            raise

    def give_back(self, seat: T, lane: Lane) -> None:
        """Pass on a seat that a job of this lane had."""
        self._running[lane] -= 1
        express = any(seat is one for one in self._express)
        (self._free_express if express else self._free).append(seat)
        self._pass_on()

    def _may_begin(self, lane: Lane) -> bool:
        if lane == "bulk":
            return bool(self._free) and self._running.total() < self._most
        return bool(self._free or self._free_express) and self._running[lane] < self._most

    def _begin(self, lane: Lane) -> T:
        self._running[lane] += 1
        return (self._free or self._free_express).popleft()

    def _pass_on(self) -> None:
        while (lane := self._next_lane()) is not None:
            self._interactive_in_a_row = self._interactive_in_a_row + 1 if lane == "interactive" else 0
            self._waiting[lane].popleft().set_result(self._begin(lane))

    def _next_lane(self) -> Lane | None:
        interactive_first: tuple[Lane, Lane] = ("interactive", "bulk")
        bulk_is_due = self._interactive_in_a_row >= BULK_TURN
        order = reversed(interactive_first) if bulk_is_due else iter(interactive_first)
        return next((lane for lane in order if self._is_awaited(lane) and self._may_begin(lane)), None)

    def _is_awaited(self, lane: Lane) -> bool:
        """Whether a job waits; one that was given up may not have left the queue yet."""
        queue = self._waiting[lane]
        while queue and queue[0].cancelled():
            queue.popleft()
        return bool(queue)
