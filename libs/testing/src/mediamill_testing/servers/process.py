"""One guarded server process, and the scratch directory it lives in."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from mediamill_testing.waiting import wait_until

GUARD = Path(__file__).with_name("guard.py")


class Scratch:
    """A directory for one server's data, removed by `remove()`, or by the guard of an orphan."""

    def __init__(self, name: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"mediamill-{name}-"))

    def remove(self) -> None:
        """Delete the directory; what is gone already is fine."""
        shutil.rmtree(self.path, ignore_errors=True)


class GuardedProcess:
    """A server that ends with the process that started it, together with everything it forked."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        scratch: Scratch,
        log: Path,
        env: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace_seconds: float = 15.0,
    ) -> None:
        self._log = log
        self._grace_seconds = grace_seconds
        guard = [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), str(int(stop_signal))]
        with log.open("ab") as output:
            self._guard = subprocess.Popen(  # noqa: S603 - the command comes from the test kit
                [*guard, str(grace_seconds), str(scratch.path), *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=None if env is None else dict(env),
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether the server is still there."""
        return self._guard.poll() is None

    def log_tail(self, lines: int = 30) -> str:
        """Return the last lines the server wrote, for error messages."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """End the server in good order, or by force after the grace period."""
        self._order(b"stop\n")

    def kill(self) -> None:
        """End the server with SIGKILL, as a power failure would."""
        self._order(b"kill\n")

    def _order(self, word: bytes) -> None:
        if self._guard.stdin is None or self._guard.stdin.closed:
            return
        with contextlib.suppress(BrokenPipeError):
            self._guard.stdin.write(word)
            self._guard.stdin.flush()
        wait_until(lambda: not self.running, self._grace_seconds + 15, "the server should have ended")
        with contextlib.suppress(BrokenPipeError):
            self._guard.stdin.close()
