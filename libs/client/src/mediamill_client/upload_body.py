"""The body of an upload: files streamed from disk, with a report on how much of them was sent.

The multipart boundary is the caller's, not a random one, so that every retry sends byte for byte the same
body and the server can recognise the repetition.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

Progress = Callable[[int, int], None]
"""Called with the bytes sent so far and the bytes in all; starts again at 0 when a try is repeated."""
UNDECLARED = "application/octet-stream"


@dataclass(frozen=True)
class UploadFile:
    """A file on disk, the name it is to have, and its type as far as the sender vouches for it."""

    path: Path
    name: str
    media_type: str

    @classmethod
    def at(
        cls, path: str | os.PathLike[str], *, name: str | None = None, media_type: str | None = None
    ) -> Self:
        """Describe the file at `path`. Without a type the server goes by the bytes, which it does not doubt.

        A name that is not valid Unicode (file systems allow it) is sent with question marks in those places.
        """
        path = Path(path)
        name = name or path.name.encode("utf-8", "replace").decode()
        return cls(path, name, media_type or UNDECLARED)


class UploadBody:
    """Opens the files once for all tries; a context manager, so that they are closed after the last."""

    def __init__(
        self, field: str, files: tuple[UploadFile, ...], form: Mapping[str, str | None], boundary: str
    ) -> None:
        self._field = field
        self._files = files
        self._form = {name: value for name, value in form.items() if value is not None}
        self._boundary = boundary
        self._open = ExitStack()
        self._handles: list[IO[bytes]] = []

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self._handles = [opening.enter_context(file.path.open("rb")) for file in self._files]
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def parts(self, progress: Progress | None) -> dict[str, Any]:
        """Return what httpx needs to send the files from their beginning."""
        meter = _Meter(sum(os.fstat(handle.fileno()).st_size for handle in self._handles), progress)
        files = []
        for file, handle in zip(self._files, self._handles, strict=True):
            handle.seek(0)
            files.append((self._field, (file.name, _Metered(handle, meter), file.media_type)))
        content_type = f"multipart/form-data; boundary={self._boundary}"
        return {"data": self._form, "files": files, "headers": {"Content-Type": content_type}}


class _Meter:
    def __init__(self, total: int, progress: Progress | None) -> None:
        self._sent = 0
        self._total = total
        self._progress = progress
        self.add(0)

    def add(self, size: int) -> None:
        self._sent += size
        if self._progress is not None:
            self._progress(self._sent, self._total)


class _Metered:
    """What httpx asks of a file, counting what it reads."""

    def __init__(self, handle: IO[bytes], meter: _Meter) -> None:
        self._handle = handle
        self._meter = meter

    def read(self, size: int = -1) -> bytes:
        chunk = self._handle.read(size)
        self._meter.add(len(chunk))
        return chunk

    def fileno(self) -> int:
        return self._handle.fileno()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._handle.seek(offset, whence)
