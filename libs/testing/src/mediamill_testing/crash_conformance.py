"""What every transport promises when processes are killed or told to stop: real processes, real signals."""

import asyncio
import multiprocessing
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from mediamill_database import Database
from mediamill_outbox import emit
from mediamill_testing import conformance_worker
from mediamill_testing.conformance_messages import Sample
from mediamill_testing.transport_systems import DurableState, TransportSystem
from mediamill_testing.waiting import eventually

WORKER_SECONDS = 60.0
"""Time for a worker process to start and do its work, on a busy machine too."""
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["__main__", conformance_worker.__name__])


class Journal:
    """What the workers wrote down."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _lines(self, word: str) -> list[list[int]]:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [[int(part) for part in line.split()[1:]] for line in lines if line.startswith(word)]

    @property
    def started(self) -> list[int]:
        """Numbers of the messages that a handler began with, in order."""
        return [number for number, _ in self._lines("start")]

    @property
    def attempts(self) -> list[int]:
        """Attempt of each start, in order."""
        return [attempt for _, attempt in self._lines("start")]

    @property
    def ended(self) -> list[int]:
        """Numbers of the messages that were handled to the end, in order."""
        return [number for (number,) in self._lines("end")]


class CrashConformance:
    """The suite; subclasses provide `system`."""

    @pytest.fixture
    def system(self) -> TransportSystem:
        """Describe the system under test, with its tables created."""
        raise NotImplementedError

    @pytest.fixture
    def journal(self, tmp_path: Path) -> Journal:
        """Give each test a journal of its own."""
        return Journal(tmp_path / "journal")

    async def test_a_killed_process_loses_nothing(self, system: TransportSystem, journal: Journal) -> None:
        """What was emitted before a SIGKILL is handled to the end by the next process."""
        state = await _emit(system, range(30))
        with _worker(system, journal) as worker:
            await eventually(lambda: len(journal.ended) >= 5, WORKER_SECONDS)
            worker.kill()
            worker.join()
        interrupted = set(journal.started) - set(journal.ended)
        with _worker(system, journal):
            await eventually(lambda: set(journal.ended) == set(range(30)), WORKER_SECONDS)
            await eventually(lambda: _nothing_pending(state), WORKER_SECONDS)
        again = {number for number, times in Counter(journal.started).items() if times > 1}
        assert interrupted <= again
        assert await state.dead_letters() == []
        await state.database.close()

    async def test_a_message_that_kills_is_given_up(self, system: TransportSystem, journal: Journal) -> None:
        """After its crashes are used up a killer becomes a dead letter unrun, and its neighbours finish."""
        state = await _emit(system, (-1, 1, 2, 3))
        for _ in range(conformance_worker.MAX_CRASHES):
            with _worker(system, journal, concurrency=1) as worker:
                await asyncio.to_thread(worker.join, WORKER_SECONDS)
                assert worker.exitcode == -signal.SIGKILL
        with _worker(system, journal, concurrency=1):
            (letter,) = await state.expect_dead_letters(1, WORKER_SECONDS)
            await eventually(lambda: set(journal.ended) == {1, 2, 3}, WORKER_SECONDS)
        assert (letter.code, letter.queue) == ("crash_limit", "conformance.crash")
        assert journal.started.count(-1) == conformance_worker.MAX_CRASHES
        assert journal.attempts[: conformance_worker.MAX_CRASHES] == [1, 2]
        await state.database.close()

    async def test_sigterm_drains_and_swallows_nothing(
        self, system: TransportSystem, journal: Journal
    ) -> None:
        """On SIGTERM running handlers end, nothing is started in vain, and the next process does the rest."""
        state = await _emit(system, range(40))
        with _worker(system, journal) as worker:
            await eventually(lambda: len(journal.ended) >= 5, WORKER_SECONDS)
            worker.terminate()
            await asyncio.to_thread(worker.join, WORKER_SECONDS)
            assert worker.exitcode == 0
        assert sorted(journal.started) == sorted(journal.ended)
        with _worker(system, journal):
            await eventually(lambda: len(set(journal.ended)) == 40, WORKER_SECONDS)
            await eventually(lambda: _nothing_pending(state), WORKER_SECONDS)
        assert sorted(journal.started) == list(range(40))
        assert set(journal.attempts) == {1}
        await state.database.close()


@contextmanager
def _worker(system: TransportSystem, journal: Journal, concurrency: int = 4) -> Iterator[BaseProcess]:
    """Run a worker process, and kill it at the end of the block if it is still there.

    It is forked from a process that has imported what workers need, which takes longer than their work.
    """
    process = _FORKS.Process(target=conformance_worker.run, args=(system, journal.path, concurrency))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


async def _emit(system: TransportSystem, numbers: range | tuple[int, ...]) -> DurableState:
    database = Database(system.database_url)
    async with database.write() as session:
        for number in numbers:
            await emit(session, Sample(topic=conformance_worker.TOPIC, number=number))
    return DurableState(database)


async def _nothing_pending(state: DurableState) -> bool:
    return await state.pending() == 0
