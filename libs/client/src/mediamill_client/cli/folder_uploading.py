"""`mediamill upload DIR`: all pictures and videos of a folder, in as many runs as it takes."""

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path

import click

from mediamill_client.cli import exit_codes
from mediamill_client.cli.connection import CommandError, signed_in
from mediamill_client.cli.credentials import Access
from mediamill_client.cli.folder_display import FolderDisplay
from mediamill_client.cli.text import printable
from mediamill_client.errors import MediamillError
from mediamill_client.folder import (
    FolderUpload,
    Journal,
    JournalInUseError,
    JournalMismatchError,
    Order,
    look_into,
)
from mediamill_client.folder.report import Report
from mediamill_client.retry import RetryPolicy

PATIENCE = RetryPolicy(attempts=12, first_pause=0.5, longest_pause=30.0, longest_retry_after=300.0)
"""Once begun, an upload over night outlasts a server that is restarted, or a line that is down."""


@dataclass(frozen=True)
class FolderOrder:
    """Which folder to upload, as what, and what to leave behind."""

    folder: Path
    form: dict[str, str | None]
    """Fields of the API, for every file."""
    parallel: int
    wait: bool
    report: Path | None
    state: Path | None


async def upload_folder(access: Access, order: FolderOrder, *, as_json: bool) -> int:
    """Upload what the server has not taken over yet, report on all files, and return the exit code.

    The report is made, too, when the run ends early; another run then goes on from there.
    """
    content = look_into(order.folder)
    async with signed_in(access) as client:
        user = await client.me()
        client.retry = PATIENCE
        fields = {name: value for name, value in order.form.items() if value is not None}
        meant = Order(access.url, user.id, str(order.folder.resolve()), fields)
        try:
            with Journal(order.state or meant.default_path(os.environ), meant) as journal:
                display = FolderDisplay(waits=order.wait)
                upload = FolderUpload(
                    client,
                    order.folder,
                    content.files,
                    journal,
                    form=order.form,
                    moved=lambda: display.moved(upload),
                )
                try:
                    with display.shown(upload):
                        await _send(upload, order)
                finally:
                    report = Report.of(upload, content, order.folder, access.url)
                    _tell(report, order, as_json=as_json)
        except JournalInUseError as error:
            raise CommandError(
                f"Another command is uploading this folder (it holds {error}).", exit_codes.USAGE
            ) from error
        except JournalMismatchError as error:
            raise CommandError(f"Cannot go on: {error}.", exit_codes.USAGE) from error
    return exit_codes.OK if report.complete else exit_codes.REFUSED


async def _send(upload: FolderUpload, order: FolderOrder) -> None:
    try:
        await upload.send(parallel=order.parallel)
        if order.wait:
            await upload.wait()
    except (asyncio.CancelledError, MediamillError):
        click.echo("Run the same command again to go on: what was accepted is not sent twice.", err=True)
        raise


def _tell(report: Report, order: FolderOrder, *, as_json: bool) -> None:
    lines = (json.dumps(file) for file in report.files()) if as_json else map(printable, report.lines())
    for line in lines:
        click.echo(line)
    if order.report is not None:
        report.write(order.report)
