"""The pool: keeps children at work, and decides what the loss of one says about the file it worked on.

Losing a child once says little: it may have been killed from outside, or carried damage from an earlier file.
So the job is tried again at once on a fresh child, with nothing else decoding beside it, and only when that
one ends too is it the file's fault. Only a spent budget of processor time speaks for itself.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from mediamill_contracts.recipe import Lane, Recipe, Watermark
from mediamill_processor import metrics
from mediamill_processor.pipeline.placement import Box
from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.ports import Rendering
from mediamill_processor.sandbox.answers import (
    Done,
    RenderingFailedError,
    answer_of,
    file_in,
    rendering_of,
)
from mediamill_processor.sandbox.boundaries import Boundaries
from mediamill_processor.sandbox.budget import PixelBudget
from mediamill_processor.sandbox.lanes import Seats
from mediamill_processor.sandbox.loss import ChildLostError
from mediamill_processor.sandbox.process import SandboxProcess
from mediamill_processor.sandbox.protocol import (
    PROCEED,
    Decoded,
    Drawn,
    DrawOrder,
    Finished,
    Inspected,
    LayerSize,
    Order,
    RenderOrder,
    Reply,
)
from mediamill_processor.sandbox.scratch import ScratchFolder

_MOST_PICTURES = 16_000_000
"""Pixels that a child may decode without asking, at most; half of the budget stays for larger pictures."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PoolLimits:
    """How many children, and what each may use. The settings say why."""

    children: int
    has_express: bool
    """Keep one more child for interactive jobs, from the first bulk job on."""
    jobs_per_child: int
    memory_bytes: int
    cpu_seconds: int
    wall_seconds: float
    file_bytes: int
    niceness: int
    pixels_at_once: int


@dataclass
class _Seat:
    """A place for one child; empty until the first job, and after a loss."""

    niceness: int
    child: SandboxProcess | None = None


class SandboxPool:
    """A Renderer that renders in child processes. Start it before use, stop it afterwards."""

    def __init__(self, limits: PoolLimits, readable: Path) -> None:
        """Render files below `readable`; scratch files are kept there too."""
        self._limits = limits
        self._readable = readable.absolute()
        self._scratch = ScratchFolder(readable)
        self._all = [_Seat(limits.niceness) for _ in range(limits.children)]
        self._seats = Seats(self._all)
        self._budget = PixelBudget(limits.pixels_at_once)
        self._granted_pixels = min(_MOST_PICTURES, limits.pixels_at_once // (2 * limits.children + 2))
        self._renewals: set[asyncio.Task[None]] = set()
        self._needs_express = limits.has_express
        self._stopping = False

    async def start(self) -> None:
        """Start all children; raises ChildLostError when they cannot run here."""
        self._scratch.open()
        await asyncio.gather(*(self._occupy(seat) for seat in self._all))
        held = self._all[0].child.holds if self._all[0].child else ()
        _log.info("sandbox ready", children=len(self._all), holds=", ".join(held))

    async def stop(self) -> None:
        """End all children; a job that still runs fails without a verdict."""
        self._stopping = True
        for renewal in list(self._renewals):
            renewal.cancel()
        await asyncio.gather(*self._renewals, return_exceptions=True)
        await asyncio.gather(*(seat.child.end() for seat in self._all if seat.child))
        self._scratch.close()

    async def check(self) -> None:
        """Raise RenderingFailedError unless pictures can be rendered now."""
        if self._stopping or not any(seat.child and seat.child.alive for seat in self._all):
            raise RenderingFailedError("no child process is running")

    @asynccontextmanager
    async def render(
        self,
        source: Path,
        media_type: str,
        recipe: Recipe,
        *,
        lane: Lane,
        on_decoded: Callable[[], None],
        mark: Path | None = None,
    ) -> AsyncIterator[Rendering]:
        """Give the variants' files while the context lasts.

        Raises UnacceptableFileError, or RenderingFailedError when it says nothing about the file.
        """
        with self._scratch.job_folder() as folder:
            order = RenderOrder(
                source=source,
                media_type=media_type,
                scratch=folder,
                recipe=recipe,
                mark=mark,
                threads=1,
                granted_pixels=self._granted_pixels,
            )
            finished = await self._carry_out(order, lane, on_decoded, Finished)
            yield rendering_of(finished, recipe, folder)

    @asynccontextmanager
    async def draw(
        self, watermark: Watermark, sizes: Mapping[str, Box], *, lane: Lane, mark: Path | None = None
    ) -> AsyncIterator[Mapping[str, Path]]:
        """Give a PNG with the mark alone for each size, by name, while the context lasts.

        Raises RenderingFailedError: a mark that makes a child die is no verdict on what it is laid over.
        """
        with self._scratch.job_folder() as folder:
            layers = tuple(LayerSize(name=name, **vars(size)) for name, size in sizes.items())
            order = DrawOrder(watermark=watermark, mark=mark, scratch=folder, layers=layers)
            try:
                await self._carry_out(order, lane, lambda: None, Drawn)
            except UnacceptableFileError as verdict:
                raise RenderingFailedError(f"the mark cannot be drawn: {verdict}") from verdict
            yield {name: file_in(folder, name) for name in sizes}

    async def _carry_out(
        self, order: Order, lane: Lane, on_decoded: Callable[[], None], expected: type[Done]
    ) -> Done:
        try:
            reply = await self._attempt(order, lane, on_decoded, alone=False)
        except ChildLostError as loss:
            reply = await self._attempt_again(order, lane, on_decoded, loss)
        return answer_of(reply, expected)

    async def _attempt_again(
        self, order: Order, lane: Lane, on_decoded: Callable[[], None], first: ChildLostError
    ) -> Reply:
        if first.cause == "processor_time" and first.verdict:
            raise first.verdict from first
        if self._stopping:
            raise RenderingFailedError("the pool is stopping") from first
        try:
            return await self._attempt(order, lane, on_decoded, alone=True)
        except ChildLostError as second:
            if second.verdict is None or self._stopping:
                raise RenderingFailedError(str(second)) from second
            raise second.verdict from second

    async def _attempt(
        self, order: Order, lane: Lane, on_decoded: Callable[[], None], *, alone: bool
    ) -> Reply:
        """Let one child do the job; `alone`: a fresh one, and no other decoding meanwhile."""
        if lane == "bulk":
            self._open_express()
        seat = await self._seats.take(lane)
        try:
            if alone:
                await self._vacate(seat)
            child = await self._occupy(seat)
            if isinstance(order, RenderOrder):
                order = order.model_copy(update={"threads": self._threads(lane)})
            return await self._converse(child, order, on_decoded, alone=alone)
        except ChildLostError as loss:
            _log.warning("child lost", cause=loss.cause, error=str(loss))
            metrics.CHILDREN_LOST.labels(loss.cause).inc()
            await self._vacate(seat)
            raise
        except BaseException:
            await asyncio.shield(self._vacate(seat))
            raise
        finally:
            self._give_back(seat, lane)

    async def _converse(
        self, child: SandboxProcess, order: Order, on_decoded: Callable[[], None], *, alone: bool
    ) -> Reply:
        """Send the order and return the last answer.

        Most pictures fit what is reserved before they are inspected. For a larger one that is given back
        first: who waits for memory must hold none.
        """
        granted = 0 if alone else self._granted_pixels
        if isinstance(order, RenderOrder):
            order = order.model_copy(update={"granted_pixels": granted})
        async with self._budget.reserve(granted):
            child.order(order)
            reply = await self._last_answer(child, on_decoded)
        if not isinstance(reply, Inspected):
            return reply
        async with self._budget.reserve(None if alone else reply.pixels):
            child.send(PROCEED)
            return await self._last_answer(child, on_decoded)

    async def _last_answer(self, child: SandboxProcess, on_decoded: Callable[[], None]) -> Reply:
        reply = await child.receive(self._limits.wall_seconds)
        if isinstance(reply, Decoded):
            on_decoded()
            reply = await child.receive(self._limits.wall_seconds)
        return reply

    def _threads(self, lane: Lane) -> int:
        """Use a second core for the only job there is; with more jobs, one core each is faster.

        Bulk jobs are no reason to let somebody wait.
        """
        return 2 if self._seats.in_hand(lane) == 1 and (os.cpu_count() or 1) > 1 else 1

    async def _occupy(self, seat: _Seat) -> SandboxProcess:
        """Return the seat's child, started when there is none."""
        if seat.child is None or not seat.child.alive:
            await self._vacate(seat)
            seat.child = await SandboxProcess.start(
                Boundaries(
                    parent_pid=os.getpid(),
                    memory_bytes=self._limits.memory_bytes,
                    cpu_seconds=self._limits.cpu_seconds,
                    file_bytes=self._limits.file_bytes,
                    niceness=seat.niceness,
                    readable=self._readable,
                    writable=self._scratch.path,
                )
            )
        return seat.child

    async def _vacate(self, seat: _Seat) -> None:
        child, seat.child = seat.child, None
        if child is not None:
            await child.end()

    def _open_express(self) -> None:
        """Add the express seat, once; where no bulk job comes, its child would be idle for ever.

        With all ordinary seats in use there are more jobs than cores: its child yields to none of the others.
        """
        if self._needs_express and not self._stopping:
            self._needs_express = False
            seat = _Seat(niceness=0)
            self._all.append(seat)
            self._renew(seat, lambda: self._seats.add_express(seat))

    def _give_back(self, seat: _Seat, lane: Lane) -> None:
        """Pass the seat on, after a new child has taken the place of a lost or worn one."""
        fresh = seat.child is not None and seat.child.jobs < self._limits.jobs_per_child
        if fresh or self._stopping:
            self._seats.give_back(seat, lane)
        else:
            self._renew(seat, lambda: self._seats.give_back(seat, lane))

    def _renew(self, seat: _Seat, then: Callable[[], None]) -> None:
        """Put a new child into the seat in the background, and `then` let the next job have it."""
        renewal = asyncio.create_task(self._replace_child(seat))
        self._renewals.add(renewal)
        renewal.add_done_callback(self._renewals.discard)
        renewal.add_done_callback(lambda _: then())

    async def _replace_child(self, seat: _Seat) -> None:
        try:
            await self._vacate(seat)
            await self._occupy(seat)
        except (ChildLostError, OSError) as error:
            _log.error("cannot start a child", error=str(error))
