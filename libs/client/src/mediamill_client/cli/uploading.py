"""`mediamill upload`: several files at a time, and one bad file never stops the others."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import click

from mediamill_client.api import MediamillClient
from mediamill_client.cli import exit_codes
from mediamill_client.cli.connection import signed_in
from mediamill_client.cli.credentials import Access
from mediamill_client.cli.display import Display, display
from mediamill_client.cli.follow import follow
from mediamill_client.errors import MediamillError, NotAuthenticatedError, ProblemError, ServerError
from mediamill_client.models import Accepted


@dataclass(frozen=True)
class UploadOrder:
    """What to upload, as what, and how."""

    files: tuple[Path, ...]
    entity_type: str
    entity_id: str | None
    alt: str | None
    title: str | None
    parallel: int
    wait: bool
    presigned: bool = False
    """Send the files to S3 by signed URLs instead of to the server."""


async def upload_files(access: Access, order: UploadOrder, *, as_json: bool) -> int:
    """Upload all files, follow their jobs if asked to, and return the exit code.

    Ends at once when the server cannot be reached or does not know the caller: the other files would fare no
    better. What was accepted until then stays accepted, and was shown.
    """
    async with signed_in(access) as client:
        with display(as_json=as_json) as shown:
            batch = _Batch(client, order, shown)
            try:
                await batch.send_all()
                followed = await follow(client, batch.accepted, shown) if batch.accepted else exit_codes.OK
            except (asyncio.CancelledError, MediamillError):
                if batch.accepted:
                    click.echo("What was accepted goes on: see 'mediamill watch'.", err=True)
                raise
    return exit_codes.REFUSED if batch.refused else followed


class _Batch:
    """The uploads of one command: what was refused, and the jobs that are to be followed."""

    def __init__(self, client: MediamillClient, order: UploadOrder, shown: Display) -> None:
        self._client = client
        self._order = order
        self._shown = shown
        self._turns = asyncio.Semaphore(order.parallel)
        self.accepted: dict[UUID, str] = {}
        self.refused = False

    async def send_all(self) -> None:
        """Upload every file; raise the first error that concerns them all."""
        tasks = [asyncio.create_task(self._send(path)) for path in self._order.files]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, path: Path) -> None:
        name = str(path)
        async with self._turns:
            try:
                accepted = await self._upload(path, name)
            except (NotAuthenticatedError, ServerError):
                raise
            except ProblemError as error:
                self._refuse(name, error.code, error.detail)
            except OSError as error:
                self._refuse(name, "unreadable_file", error.strerror or str(error))
            else:
                self._accept(name, accepted)

    async def _upload(self, path: Path, name: str) -> Accepted:
        def sent(done: int, total: int) -> None:
            self._shown.progress(name, "uploading", 100 * done / total if total else 0)

        order = self._order
        upload = self._client.upload_to_s3 if order.presigned else self._client.upload
        return await upload(
            path,
            entity_type=order.entity_type,
            entity_id=order.entity_id,
            alt=order.alt,
            title=order.title,
            progress=sent,
        )

    def _accept(self, name: str, accepted: Accepted) -> None:
        if self._order.wait:
            self.accepted[accepted.job_id] = name
            self._shown.progress(name, "processing", 0)
        else:
            document = {"name": name, "status": "waiting", **accepted.model_dump(mode="json", by_alias=True)}
            line = f"accepted, job {accepted.job_id}, medium {accepted.media_id}"
            self._shown.result(name, line, document)

    def _refuse(self, name: str, code: str, detail: str) -> None:
        self.refused = True
        document = {"name": name, "status": "refused", "error": {"code": code, "detail": detail}}
        self._shown.result(name, f"refused, {detail or code} ({code})", document)
