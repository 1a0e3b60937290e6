"""Works off the files of a run: some at once, one bad file never in another's way, and again what may pass.

What failed for a reason that may pass is tried again in rounds with growing pauses. Once everything fails in
a row the store is taken to be away, and the rest of the round waits instead of running into the same timeout.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from mediamill_contracts.recipe import ObjectRef
from mediamill_storage_sync.failures import Failure, failure_of
from mediamill_storage_sync.turns import Turns

FIRST_PAUSE_SECONDS = 1.0
GROWTH = 2.5
LONGEST_PAUSE_SECONDS = 30.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class BatchFile:
    """One object of one medium of the run."""

    media_id: UUID
    ref: ObjectRef


@dataclass
class Outcome:
    """What became of each file; one that is in neither was not reached."""

    done: list[BatchFile] = field(default_factory=list)
    failed: dict[BatchFile, Failure] = field(default_factory=dict)


Work = Callable[[BatchFile], Awaitable[None]]
OnEnd = Callable[[BatchFile, Failure | None], None]


@dataclass(frozen=True)
class Rounds:
    """How files are worked off; `turns` are shared by all runs of the process."""

    turns: Turns
    parallel: int
    patience_seconds: float

    async def work_off(
        self, files: Sequence[BatchFile], work: Work, stop: asyncio.Event, on_end: OnEnd
    ) -> Outcome:
        """Return what became of the files; `on_end` hears of each as soon as it is final.

        When `stop` is set, what is in transfer is abandoned and nothing more is begun.
        """
        outcome = Outcome()
        left = list(files)
        may_pass: dict[BatchFile, Failure] = {}
        for pause in (0.0, *pauses(self.patience_seconds)):
            if pause:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
            if stop.is_set() or not left:
                break
            one_round = _Round(outcome, work, on_end, len(left))
            await self._run(one_round, left, stop)
            may_pass = one_round.may_pass
            left = list(may_pass)
        if not stop.is_set():
            for file, failure in may_pass.items():
                outcome.failed[file] = failure
                on_end(file, failure)
        return outcome

    async def _run(self, one_round: "_Round", files: list[BatchFile], stop: asyncio.Event) -> None:
        waiting = iter(files)
        workers = [
            asyncio.create_task(self._worker(one_round, waiting))
            for _ in range(min(self.parallel, len(files)))
        ]
        stopper = asyncio.create_task(_cancel_at(stop, workers))
        try:
            await asyncio.gather(*workers, return_exceptions=True)
        finally:
            stopper.cancel()

    async def _worker(self, one_round: "_Round", waiting: Iterator[BatchFile]) -> None:
        for file in waiting:
            if one_round.failed_in_a_row >= 2 * self.parallel and one_round.last is not None:
                one_round.may_pass[file] = one_round.last
                continue
            async with self.turns.turn(one_round.left):
                await one_round.run(file)
            one_round.left -= 1


class _Round:
    """One pass over the files that are left."""

    def __init__(self, outcome: Outcome, work: Work, on_end: OnEnd, files: int) -> None:
        self.may_pass: dict[BatchFile, Failure] = {}
        self.left = files
        self.failed_in_a_row = 0
        self.last: Failure | None = None
        self._outcome = outcome
        self._work = work
        self._on_end = on_end

    async def run(self, file: BatchFile) -> None:
        """Work on one file; whatever goes wrong is about this file only."""
        try:
            await self._work(file)
        except Exception as error:  # noqa: BLE001 - judged by `failure_of`, reported with the file
            failure = failure_of(error)
            if failure.code == "unexpected_error":
                _log.warning("unexpected error about a file", key=file.ref.key, exc_info=error)
            if failure.may_pass:
                self.may_pass[file] = failure
                self.failed_in_a_row += 1
                self.last = failure
                return
            self._outcome.failed[file] = failure
            self._on_end(file, failure)
        else:
            self._outcome.done.append(file)
            self._on_end(file, None)
        self.failed_in_a_row = 0


async def _cancel_at(stop: asyncio.Event, tasks: Sequence["asyncio.Task[None]"]) -> None:
    await stop.wait()
    for task in tasks:
        task.cancel()


def pauses(patience_seconds: float) -> list[float]:
    """Return growing pauses that together last as long as the patience."""
    found: list[float] = []
    pause = FIRST_PAUSE_SECONDS
    while (left := patience_seconds - sum(found)) > 0:
        found.append(min(pause, left))
        pause = min(pause * GROWTH, LONGEST_PAUSE_SECONDS)
    return found
