"""The folder that holds all of an installation: database, objects, signing key."""

import fcntl
import os
import secrets
from pathlib import Path

from mediamill_runtime.settings import SettingsError

_KEY_BYTES = 32


class DataFolder:
    """An existing folder that belongs to this process until it ends. Nobody else may read it."""

    def __init__(self, path: Path) -> None:
        """Create what is missing and lock the folder: two processes would run every delivery twice.

        Raises SettingsError when another has it, or when it cannot be used.
        """
        self.path = path.resolve()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = (self.path / "lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise SettingsError(
                [f"MEDIAMILL_HOME: {self.path} is in use by another Mediamill process"]
            ) from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise SettingsError([f"MEDIAMILL_HOME: {self.path} cannot be used: {reason}"]) from error

    @property
    def database_url(self) -> str:
        """URL of the SQLite database."""
        return f"sqlite+aiosqlite:///{self.path / 'mediamill.db'}"

    @property
    def storage(self) -> Path:
        """Root of the object store."""
        return self.path / "storage"

    def signing_key(self) -> str:
        """Return the key that signs access tokens; made once and kept, so that sign-ins last."""
        file = self.path / "signing-key"
        if not file.exists():
            fresh = file.with_suffix(".new")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as output:
                output.write(secrets.token_urlsafe(_KEY_BYTES))
                output.flush()
                os.fsync(output.fileno())
            fresh.rename(file)
        return file.read_text().strip()
