"""What a folder's upload remembers, so that it can be killed at any moment and go on: a log on disk.

A request's key and files are in it before the first byte is sent. Whether or not the answer was seen, sending
the same files in the same places under the same key again yields the same media.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from uuid import UUID, uuid4

from mediamill_client.folder.files import FolderFile
from mediamill_client.folder.verdicts import Verdict

if sys.platform != "win32":
    import fcntl

FORMAT = 1


class JournalInUseError(Exception):
    """Another process is uploading the same folder."""


class JournalMismatchError(Exception):
    """The file is no journal, or that of another upload."""


@dataclass(frozen=True)
class Order:
    """What makes an upload this one: files that went elsewhere, or as something else, are not sent yet."""

    server: str
    user_id: str
    folder: str
    """Absolute path."""
    fields: Mapping[str, str]
    """Fields of the form, such as `entityType`."""

    def default_path(self, environment: Mapping[str, str]) -> Path:
        """Return where the journal is kept, by the XDG base directory rules: never in the folder itself."""
        configured = environment.get("XDG_STATE_HOME", "")
        home = Path(configured) if Path(configured).is_absolute() else Path.home() / ".local" / "state"
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return home / "mediamill" / "uploads" / f"{digest[:32]}.jsonl"


@dataclass(frozen=True)
class Request:
    """Files that are sent together, each in its place, under a key that means them alone."""

    files: tuple[FolderFile, ...]
    key: str = field(default_factory=lambda: str(uuid4()))
    sent_at: float = field(default_factory=time.time)
    """Unix time."""


class Journal:
    """The log of one order, and what follows from it; a context manager that holds it for itself."""

    def __init__(self, path: Path, order: Order) -> None:
        self._path = path
        self._order = order
        self._log: IO[bytes] | None = None
        self._taken: dict[str, tuple[FolderFile, Verdict]] = {}
        self._names: dict[UUID, str] = {}
        self.unanswered: dict[str, Request] = {}
        """Requests whose answer is not known, by key: the server may have taken their files over."""

    def __enter__(self) -> Self:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as opening:
            log = opening.enter_context(open(self._path, "a+b", opener=_private))
            _lock(log, self._path)
            self._log = log
            self._read(log)
            opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._log is not None:
            self._log.close()

    def verdict(self, file: FolderFile) -> Verdict | None:
        """Return what the server made of the file as it is; None when it has not taken it over."""
        taken, verdict = self._taken.get(file.name, (None, None))
        return verdict if taken == file else None

    @property
    def media_ids(self) -> set[UUID]:
        """Media that files of this folder are known to have become."""
        return {verdict.media_id for _, verdict in self._taken.values() if verdict.media_id is not None}

    def sending(self, request: Request) -> None:
        """Remember a request that is about to be sent."""
        files = [asdict(file) for file in request.files]
        self._append({"sending": request.key, "at": request.sent_at, "files": files})

    def answered(self, request: Request, accepted: Mapping[int, Verdict]) -> None:
        """Remember an answer: which places' files the server took over. The rest may be sent again."""
        places = [
            {"place": place, "job": str(verdict.job_id), "medium": str(verdict.media_id)}
            for place, verdict in accepted.items()
        ]
        self._append({"answered": request.key, "accepted": places})

    def ended(self, verdict: Verdict) -> None:
        """Remember what became of a file that was taken over."""
        end = {"status": verdict.status, "code": verdict.code, "detail": verdict.detail}
        self._append({"ended": str(verdict.job_id), **end})

    def _read(self, log: IO[bytes]) -> None:
        """Take in every whole line; a last one that was cut off by a crash says nothing and goes."""
        log.seek(0)
        content = log.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            log.truncate(whole)
        header = {"format": FORMAT, **asdict(self._order)}
        lines = content[:whole].splitlines()
        if not lines:
            self._append(header)
            return
        try:
            if json.loads(lines[0]) != header:
                raise JournalMismatchError(f"{self._path} belongs to another upload")
            for line in lines[1:]:
                self._apply(json.loads(line))
        except (ValueError, KeyError, TypeError, LookupError) as error:
            raise JournalMismatchError(f"{self._path} is not a journal of this program") from error

    def _append(self, entry: dict[str, Any]) -> None:
        """Make an entry durable, then let it count."""
        if self._log is None:
            raise RuntimeError("the journal is not open")
        self._log.write(json.dumps(entry).encode() + b"\n")
        self._log.flush()
        os.fsync(self._log.fileno())
        if "format" not in entry:
            self._apply(entry)

    def _apply(self, entry: dict[str, Any]) -> None:
        if "sending" in entry:
            files = tuple(FolderFile(**file) for file in entry["files"])
            self.unanswered[entry["sending"]] = Request(files, entry["sending"], entry.get("at", 0.0))
        elif "answered" in entry:
            request = self.unanswered.pop(entry["answered"])
            self._take_over(request.files, entry["accepted"])
        else:
            self._end(entry)

    def _take_over(self, files: Sequence[FolderFile], accepted: Sequence[dict[str, Any]]) -> None:
        for one in accepted:
            file, job_id = files[one["place"]], UUID(one["job"])
            self._taken[file.name] = (file, Verdict("accepted", job_id, UUID(one["medium"])))
            self._names[job_id] = file.name

    def _end(self, entry: dict[str, Any]) -> None:
        job_id = UUID(entry["ended"])
        file, accepted = self._taken[self._names[job_id]]
        if accepted.job_id == job_id:
            end = Verdict(entry["status"], job_id, accepted.media_id, entry["code"], entry["detail"])
            self._taken[file.name] = (file, end)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lock(log: IO[bytes], path: Path) -> None:
    """Hold the log until it is closed, however this process ends. Windows has no such lock."""
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise JournalInUseError(str(path)) from None
