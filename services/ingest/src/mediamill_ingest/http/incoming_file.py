"""One file on its way from a form to staging: looked at while it is written, hashed when it is whole."""

import unicodedata
from dataclasses import dataclass

from mediamill_contracts.ids import new_id
from mediamill_storage.inspection import AcceptancePolicy, inspect_file, inspect_head, too_large
from mediamill_storage.keys import EXTENSIONS, staged_key
from mediamill_storage.local import LocalObjectStore

_FIRST_LOOK_BYTES = 512
"""Enough to know every accepted format; the whole verdict follows when the file is whole."""
_MAX_NAME = 255
_DIRECTION = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Turn the direction of writing: `exe.jpg` can be made to look like `gpj.exe`."""


@dataclass(frozen=True)
class StagedFile:
    """A file whose bytes are durable under `key`."""

    key: str
    size_bytes: int
    sha256: str
    media_type: str
    file_name: str


class IncomingFile:
    """A file that is being received. End it with `stage` or `abort`."""

    def __init__(
        self, store: LocalObjectStore, policy: AcceptancePolicy, file_name: str, declared_type: str | None
    ) -> None:
        self.file_name = clean_file_name(file_name)
        self._store = store
        self._policy = policy
        self._declared_type = declared_type
        self._largest = policy.largest_bytes
        self._head = b""
        self._looked = False
        self._file = store.new_file(hashed=True)

    def write(self, chunk: bytes) -> None:
        """Take the next bytes; raises RefusedFileError as soon as they tell, or StorageFullError."""
        self._file.write(chunk)
        if not self._looked:
            self._look(chunk)
        if self._file.size_bytes > self._largest:
            raise too_large(self._largest)

    async def stage(self, user_id: str) -> StagedFile:
        """Give the verdict on the whole file and make it durable; raises as `write` does."""
        size = self._file.size_bytes
        media_type = inspect_file(self._file.descriptor, size, self._declared_type, self._policy)
        key = staged_key(user_id, new_id(), EXTENSIONS[media_type])
        await self._store.commit_file(self._file, key)
        return StagedFile(key, size, self._file.sha256, media_type, self.file_name)

    def abort(self) -> None:
        """Leave nothing behind."""
        self._file.abort()

    def _look(self, chunk: bytes) -> None:
        self._head += chunk[:_FIRST_LOOK_BYTES]
        if len(self._head) >= _FIRST_LOOK_BYTES:
            media_type = inspect_head(self._head, self._declared_type, self._policy)
            self._largest = self._policy.limit_of(media_type)
            self._looked = True


def clean_file_name(given: str) -> str:
    """Return a name to show, never a path: the last segment, NFC, nothing that hides or turns letters."""
    name = unicodedata.normalize("NFC", given.replace("\\", "/").rpartition("/")[2])
    if not name.isprintable():
        name = "".join(letter for letter in name if letter not in _DIRECTION and _is_shown(letter))
    return name.strip()[:_MAX_NAME] or "unnamed"


def _is_shown(letter: str) -> bool:
    return unicodedata.category(letter) not in ("Cc", "Cs")
