"""The HTTP API as an async Python object: what a service or a script uses to upload and to follow media."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack
from urllib.parse import quote
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import httpx
from pydantic import SecretStr

from mediamill_client.direct_upload import DirectUpload
from mediamill_client.errors import WaitTimeoutError
from mediamill_client.http import HttpSession
from mediamill_client.models import (
    Accepted,
    Answer,
    BulkAccepted,
    BulkAnswer,
    BulkRejected,
    Deletion,
    Identity,
    Job,
    JobPage,
    JobStatus,
    Media,
    MediaPage,
    Session,
    Timeline,
    TimelineEntry,
    User,
)
from mediamill_client.retry import RetryPolicy
from mediamill_client.transfers import Transfers
from mediamill_client.upload_body import Progress, UploadBody, UploadFile
from mediamill_client.upload_options import FilePath, UploadOptions, Wish
from mediamill_client.watching import Watcher

if TYPE_CHECKING:
    from mediamill_client.live import LiveHints

BULK_REQUEST_FILES = 40
"""Files that go into one bulk request: few enough to be sent again when the connection breaks."""

T = TypeVar("T", bound=Answer)
F = TypeVar("F", BulkAccepted, BulkRejected)


class MediamillClient:
    """A connection to one server; an async context manager.

    Every call tries again, within `retry`, when the connection fails or the server says 429 or 5xx; writes
    carry an idempotency key, so that none happens twice. Calls raise the errors of `mediamill_client.errors`.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        events_url: str | None = None,
        retry: RetryPolicy | None = None,
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare for the server at `url`; nothing is sent yet.

        `events_url` is where the notifier listens, when that is not `url`; `timeout` is in seconds, for each
        step of an exchange rather than the whole of it.
        """
        self._http = HttpSession(
            url,
            token=None if token is None else SecretStr(token),
            policy=retry or RetryPolicy(),
            timeout=timeout,
            transport=transport,
        )
        self._events_url = events_url or url
        self.transfers = Transfers(self._http)
        """Moving media between local storage and S3, for superadmins."""

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    @property
    def retry(self) -> RetryPolicy:
        """How often requests are tried; may be changed between two calls."""
        return self._http.policy

    @retry.setter
    def retry(self, policy: RetryPolicy) -> None:
        self._http.policy = policy

    async def login(self, email: str, password: str) -> Session:
        """Sign in; later calls of this client use the session's token."""
        body = {"email": email, "password": password}
        session = await self._http.call(Session, "POST", "/api/auth/login", json=body)
        self._http.token = SecretStr(session.access_token)
        return session

    async def me(self) -> User:
        """Return who is signed in."""
        return (await self._http.call(Identity, "GET", "/api/auth/me")).user

    async def upload(self, path: FilePath, **options: Unpack[UploadOptions]) -> Accepted:
        """Stream one file to the server and return its job and medium once they are durable.

        Pass an `idempotency_key` of your own to let a later call, even of another process, repeat this upload
        without making a second medium. Raises RefusedError with a code such as `unsupported_media_type`, and
        OSError when the file cannot be read.
        """
        wish = Wish.of(path, **options)
        return await self._upload(
            Accepted,
            "/api/media",
            (wish.file,),
            field="file",
            form=wish.form,
            key=wish.key,
            progress=wish.progress,
        )

    async def upload_to_s3(self, path: FilePath, **options: Unpack[UploadOptions]) -> Accepted:
        """Send one file to S3 by signed URLs, in parts if it is large, and return its job and medium.

        Without `media_type` the name's ending says it. Raises as `upload` does, and ConflictError
        `s3_not_enabled` where the server has no S3; at most ten uploads a minute are begun.
        """
        return await DirectUpload(self._http, Wish.of(path, **options)).send()

    async def upload_bulk(
        self,
        paths: Sequence[FilePath],
        *,
        entity_type: str = "general",
        entity_id: str | None = None,
        idempotency_key: str | None = None,
        progress: Progress | None = None,
    ) -> BulkAnswer:
        """Upload many files in the lane that gives way to interactive uploads.

        A refused file does not stop the others.

        `progress` counts the bytes of the request that is being sent, of at most 40 files.
        """
        key = idempotency_key or str(uuid4())
        form = {"entityType": entity_type, "entityId": entity_id}
        files = [UploadFile.at(path) for path in paths]
        jobs: list[BulkAccepted] = []
        rejected: list[BulkRejected] = []
        for start in range(0, len(files), BULK_REQUEST_FILES):
            part = files[start : start + BULK_REQUEST_FILES]
            answer = await self.upload_request(part, form=form, key=f"{key}-{start}", progress=progress)
            jobs += (_moved(job, start) for job in answer.jobs)
            rejected += (_moved(file, start) for file in answer.rejected)
        return BulkAnswer(jobs=tuple(jobs), rejected=tuple(rejected))

    async def upload_request(
        self,
        files: Sequence[UploadFile],
        *,
        form: Mapping[str, str | None],
        key: str,
        progress: Progress | None = None,
    ) -> BulkAnswer:
        """Send files in one bulk request, as many as the server takes; `form` has the fields of the API.

        The same files in the same places with the same key are the same upload, however often they are sent.
        Raises OSError when a file cannot be read.
        """
        return await self._upload(
            BulkAnswer, "/api/media/bulk", tuple(files), field="files", form=form, key=key, progress=progress
        )

    async def job(self, job_id: UUID) -> Job:
        """Return how far a job is."""
        return await self._http.call(Job, "GET", f"/api/media/jobs/{job_id}")

    async def cancel(self, job_id: UUID) -> Job:
        """Cancel a job that has not ended."""
        return await self._http.call(Job, "DELETE", f"/api/media/jobs/{job_id}", headers=_new_key())

    async def wait_for(self, job_id: UUID, *, seconds: float | None = None) -> Job:
        """Poll until the job is finished, at most `seconds`; return it, failed or not.

        Raises WaitTimeoutError.
        """
        try:
            async with asyncio.timeout(seconds):
                return [job async for job in self.watch([job_id], live=False)][-1]
        except TimeoutError:
            raise WaitTimeoutError(job_id, seconds or 0.0) from None

    async def wait_for_all(self, job_ids: Sequence[UUID], *, seconds: float | None = None) -> list[Job]:
        """Watch many jobs at once until all are finished, at most `seconds`; return them as they were given.

        Asks far less than a `wait_for` for each. Raises WaitTimeoutError for one that is not finished.
        """
        known: dict[UUID, Job] = {}
        try:
            async with asyncio.timeout(seconds):
                async for job in self.watch(job_ids):
                    known[job.job_id] = job
        except TimeoutError:
            open_ids = (each for each in job_ids if each not in known or not known[each].finished)
            raise WaitTimeoutError(next(open_ids), seconds or 0.0) from None
        return [known[job_id] for job_id in job_ids]

    async def watch(self, job_ids: Sequence[UUID], *, live: bool = True) -> AsyncIterator[Job]:
        """Yield each job as it is now and whenever it changes, until all are finished.

        `live` listens to the notifier too, and polls only as often as it must while that is away.
        """
        async with AsyncExitStack() as stack:
            hints = await stack.enter_async_context(self._live_hints()) if live else None
            async for job in Watcher(job_ids, self.job, hints).changes():
                yield job

    async def jobs_of_user(
        self,
        user_id: str,
        *,
        status: JobStatus | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> JobPage:
        """Return one page of a user's jobs, newest first; pass `next_cursor` on for the next."""
        query = _given(status=status, limit=limit, cursor=cursor)
        return await self._http.call(
            JobPage, "GET", f"/api/users/{quote(user_id, safe='')}/jobs", params=query
        )

    async def media(self, media_id: UUID) -> Media:
        """Return one medium with its variants."""
        return await self._http.call(Media, "GET", f"/api/media/{media_id}")

    async def list_media(
        self,
        *,
        status: str | None = None,
        entity_type: str | None = None,
        entity_id: str | None = None,
        deleted: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> MediaPage:
        """Return one page of the caller's media, newest first; pass `next_cursor` on for the next."""
        query = _given(
            status=status,
            entityType=entity_type,
            entityId=entity_id,
            deleted=deleted,
            limit=limit,
            cursor=cursor,
        )
        return await self._http.call(MediaPage, "GET", "/api/media", params=query)

    async def timeline(self, media_id: UUID) -> tuple[TimelineEntry, ...]:
        """Return everything that happened to a medium, oldest first."""
        return (await self._http.call(Timeline, "GET", f"/api/media/{media_id}/timeline")).items

    async def delete(self, media_id: UUID, *, hard: bool = False) -> Media | None:
        """Hide a medium until it is restored, and return it; None when it is being removed for good.

        It is when `hard` is asked for, or when the server's settings say that deleting means that.
        """
        params = {"force": "hard"} if hard else None
        answer = await self._http.call(
            Deletion, "DELETE", f"/api/media/{media_id}", params=params, headers=_new_key()
        )
        return answer.root if isinstance(answer.root, Media) else None

    async def restore(self, media_id: UUID) -> Media:
        """Bring a hidden medium back."""
        return await self._http.call(Media, "POST", f"/api/media/{media_id}/restore", headers=_new_key())

    def absolute(self, path: str) -> str:
        """Return a path from an answer, such as a variant's `url`, as an address to open."""
        return str(httpx.URL(self._http.url + "/").join(path))

    def _live_hints(self) -> "LiveHints":
        from mediamill_client.live import LiveHints  # noqa: PLC0415 - half of all import time, for few callers

        return LiveHints(self._events_url, self._http.token)

    async def _upload(
        self,
        kind: type[T],
        path: str,
        files: tuple[UploadFile, ...],
        *,
        field: str,
        form: Mapping[str, str | None],
        key: str,
        progress: Progress | None,
    ) -> T:
        with UploadBody(field, files, form, boundary=_boundary(key)) as body:

            def build() -> httpx.Request:
                parts = body.parts(progress)
                parts["headers"]["Idempotency-Key"] = key
                return self._http.build("POST", path, **parts)

            return await self._http.send(kind, build)


def _moved(file: F, places: int) -> F:
    """Return a file's answer with its place among all files, not those of its request."""
    return file.model_copy(update={"index": file.index + places})


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _new_key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


def _boundary(key: str) -> str:
    return f"mediamill-{uuid5(NAMESPACE_OID, key).hex}"
