"""What all private servers can do: start, end in either way, come back with their data, go for good."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from mediamill_testing.ports import release_port
from mediamill_testing.servers.process import GuardedProcess, Scratch
from mediamill_testing.waiting import wait_until


class PrivateServer(ABC):
    """One server on ports and in a directory of its own; data survive `restart`, not `close`."""

    title: ClassVar[str]
    """What error messages call it."""
    start_seconds: ClassVar[float] = 120.0

    def __init__(self, scratch: Scratch, ports: Iterable[int]) -> None:
        self._scratch = scratch
        self._claimed = tuple(ports)
        self._process: GuardedProcess | None = None

    @property
    def running(self) -> bool:
        """Whether the server's process is there."""
        return self._process is not None and self._process.running

    def start(self) -> None:
        """Start the server unless it runs, and return when it takes requests."""
        if self.running:
            return
        self._process = process = self._launch()
        try:
            wait_until(
                lambda: not process.running or self._answers(),
                self.start_seconds,
                f"{self.title} should have started",
            )
        except TimeoutError as error:
            tail = process.log_tail()
            self.kill()
            raise RuntimeError(f"{error}; its last words:\n{tail}") from error
        if not process.running:
            raise RuntimeError(f"{self.title} ended while starting; its last words:\n{process.log_tail()}")

    def stop(self) -> None:
        """End the server in good order; `start` brings it back with its data."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """End the server with SIGKILL; `start` brings it back with what it had written."""
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        """Stop and start again on the same ports."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End the server for good and remove what it left."""
        self.kill()
        self._scratch.remove()
        for port in self._claimed:
            release_port(port)

    @abstractmethod
    def _launch(self) -> GuardedProcess:
        """Begin the process."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it takes requests by now."""
