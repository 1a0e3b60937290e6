"""Sends what is missing of a folder, a request of some files at a time, and follows it to its end.

Requests are small enough to be sent again whole after a break, and large enough that a thousand small files
are a few dozen exchanges. The lane is the one that gives way to people who upload by hand.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from mediamill_client.api import MediamillClient
from mediamill_client.errors import (
    NotAuthenticatedError,
    NotFoundError,
    ProblemError,
    RateLimitedError,
    ServerError,
)
from mediamill_client.folder.arrivals import arrived
from mediamill_client.folder.files import FolderFile, seen
from mediamill_client.folder.journal import Journal, Request
from mediamill_client.folder.verdicts import Verdict, verdict_of_job, verdict_of_media
from mediamill_client.models import BulkAnswer
from mediamill_client.open_jobs import unfinished_jobs
from mediamill_client.upload_body import UploadFile

REQUEST_FILES = 50
REQUEST_BYTES = 64_000_000
"""Where a request ends, unless a single file is larger."""
REPEATABLE_SECONDS = 1_800
"""So long a request may be repeated under its key; no server forgets it within an hour."""
NOTHING = Path(os.devnull)
"""Sent in the place of a file that is gone or has changed, so that the others keep theirs."""
UNREADABLE = "unreadable_file"
_TOO_MUCH = frozenset({"too_many_files", "body_too_large", "form_too_large"})
"""Refusals of a request that say nothing of its files."""
_CONCERNS_ALL = (NotAuthenticatedError, RateLimitedError, ServerError)
_LOOKS_AT_ONCE = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
"""Seconds between two looks at the jobs that are waited for."""


@dataclass
class Amount:
    """How much there is to send, and how much of it is settled or on its way."""

    files: int = 0
    bytes: int = 0
    files_settled: int = 0
    bytes_settled: int = 0
    bytes_under_way: dict[str, int] = field(default_factory=dict)
    """By request; begins anew when one is repeated."""

    @property
    def bytes_sent(self) -> int:
        """Bytes of settled files, and of requests under way."""
        return self.bytes_settled + sum(self.bytes_under_way.values())


class FolderUpload:
    """One run over a folder. `verdicts` fills up as it goes; `moved` is called whenever there is news."""

    def __init__(
        self,
        client: MediamillClient,
        folder: Path,
        files: Sequence[FolderFile],
        journal: Journal,
        *,
        form: Mapping[str, str | None],
        moved: Callable[[], None],
    ) -> None:
        self._client = client
        self._folder = folder
        self._journal = journal
        self._form = form
        self._moved = moved
        known = {file.name: journal.verdict(file) for file in files}
        self.verdicts = {name: verdict for name, verdict in known.items() if verdict is not None}
        self.sent_earlier = frozenset(self.verdicts)
        """Files that an earlier run has sent."""
        self._missing = [file for file in files if file.name not in self.verdicts]
        self.amount = Amount(len(self._missing), sum(file.size for file in self._missing))

    @property
    def open_jobs(self) -> dict[UUID, str]:
        """Names of the files that were taken over and are not known to have ended, by job."""
        return {
            verdict.job_id: name
            for name, verdict in self.verdicts.items()
            if verdict.status == "accepted" and verdict.job_id is not None
        }

    async def send(self, *, parallel: int) -> None:
        """Send all that the server has not taken over, so many requests at a time.

        Raises the MediamillError that every request would meet; what was answered until then is settled.
        """
        for request in list(self._journal.unanswered.values()):
            if time.time() - request.sent_at < REPEATABLE_SECONDS:
                await self._send(request)
            else:
                await self._take_stock(request)
        requests = self._requests([file for file in self._missing if file.name not in self.verdicts])

        async def send_in_turn() -> None:
            for request in requests:
                self._journal.sending(request)
                await self._send(request)

        tasks = [asyncio.create_task(send_in_turn()) for _ in range(parallel)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def wait(self) -> None:
        """Wait until every job has ended, those of earlier runs too."""
        waiting, pause = self.open_jobs, _FIRST_PAUSE
        while waiting:
            unfinished = set(await unfinished_jobs(self._client))
            ended = [job_id for job_id in waiting if job_id not in unfinished]
            for first in range(0, len(ended), _LOOKS_AT_ONCE):
                names = [waiting[job_id] for job_id in ended[first : first + _LOOKS_AT_ONCE]]
                await asyncio.gather(*map(self._look, names))
            waiting = self.open_jobs
            if waiting:
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE, pause * 1.5)

    def _requests(self, files: Sequence[FolderFile]) -> Iterator[Request]:
        """Yield requests of the files as they are now."""
        together: list[FolderFile] = []
        size = 0
        for file in files:
            try:
                now = seen(self._folder, file.name)
                (self._folder / file.name).open("rb").close()
            except OSError as error:
                self._refuse([file], UNREADABLE, error.strerror or str(error))
                continue
            if together and (len(together) == REQUEST_FILES or size + now.size > REQUEST_BYTES):
                yield Request(tuple(together))
                together, size = [], 0
            together.append(now)
            size += now.size
        if together:
            yield Request(tuple(together))

    async def _send(self, request: Request) -> None:
        """Send a request, in pieces if need be, until each of its files has a verdict or has changed."""
        pieces = [{place: file for place, file in enumerate(request.files) if self._is_unchanged(file)}]
        accepted: dict[int, Verdict] = {}
        while pieces and (piece := pieces.pop()):
            try:
                answer = await self._exchange(request, piece)
            except _CONCERNS_ALL:
                raise
            except ProblemError as error:
                if error.code in _TOO_MUCH and len(piece) > 1:
                    self._journal.answered(request, {})
                    await self._send_in_halves(list(piece.values()))
                    return
                self._refuse(piece.values(), error.code, error.detail)
            except OSError as error:
                if len(piece) > 1:
                    pieces += ({place: file} for place, file in piece.items())
                else:
                    self._refuse(piece.values(), UNREADABLE, error.strerror or str(error))
            else:
                accepted |= self._accepted(answer, piece)
        self._journal.answered(request, accepted)
        for place, verdict in accepted.items():
            self._settle(request.files[place], verdict)

    async def _take_stock(self, request: Request) -> None:
        """Find out what arrived of a request whose key may be forgotten; the rest is sent in others."""
        accepted = await arrived(self._client, request, self._folder, known=self._journal.media_ids)
        self._journal.answered(request, accepted)
        for place, verdict in accepted.items():
            self._settle(request.files[place], verdict)

    async def _exchange(self, request: Request, piece: Mapping[int, FolderFile]) -> BulkAnswer:
        def progress(sent: int, _total: int) -> None:
            self.amount.bytes_under_way[request.key] = sent
            self._moved()

        files = [
            UploadFile.at(self._folder / file.name if place in piece else NOTHING)
            for place, file in enumerate(request.files)
        ]
        try:
            return await self._client.upload_request(
                files, form=self._form, key=request.key, progress=progress
            )
        finally:
            self.amount.bytes_under_way.pop(request.key, None)

    def _accepted(self, answer: BulkAnswer, piece: Mapping[int, FolderFile]) -> dict[int, Verdict]:
        """Return what was taken over, by place, and settle what was refused."""
        for refused in answer.rejected:
            if refused.index in piece:
                self._refuse([piece[refused.index]], refused.code, refused.detail)
        return {
            job.index: Verdict("accepted", job.job_id, job.media_id)
            for job in answer.jobs
            if job.index in piece
        }

    async def _send_in_halves(self, files: Sequence[FolderFile]) -> None:
        middle = len(files) // 2
        for half in (files[:middle], files[middle:]):
            request = Request(tuple(half))
            self._journal.sending(request)
            await self._send(request)

    def _is_unchanged(self, file: FolderFile) -> bool:
        try:
            return seen(self._folder, file.name) == file
        except OSError:
            return False

    async def _look(self, name: str) -> None:
        """Find out what became of a file, though its job may be forgotten or still run."""
        accepted = self.verdicts[name]
        assert accepted.job_id is not None  # noqa: S101 - what was accepted has both ids
        assert accepted.media_id is not None  # noqa: S101
        try:
            job = await self._client.job(accepted.job_id)
            end = verdict_of_job(job) if job.finished else None
        except NotFoundError:
            try:
                end = verdict_of_media(accepted, await self._client.media(accepted.media_id))
            except NotFoundError as error:
                end = Verdict("refused", accepted.job_id, accepted.media_id, error.code, error.detail)
        if end is not None:
            self._journal.ended(end)
            self.verdicts[name] = end
            self._moved()

    def _refuse(self, files: Iterable[FolderFile], code: str, detail: str) -> None:
        for file in files:
            self._settle(file, Verdict("refused", code=code, detail=detail))

    def _settle(self, file: FolderFile, verdict: Verdict) -> None:
        self.verdicts[file.name] = verdict
        self.amount.files_settled += 1
        self.amount.bytes_settled += file.size
        self._moved()
