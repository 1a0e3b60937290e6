"""Shows how far a folder is: bars where a person watches, a line now and then where a log is written."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import click
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from mediamill_client.folder import FolderUpload

BAR_SECONDS, LINE_SECONDS = 0.1, 10.0
"""Between two looks at the bars, and between two lines in a log."""


class FolderDisplay:
    """Draws what an upload tells: the bytes sent and, if they are waited for, the jobs that ended."""

    def __init__(self, *, waits: bool) -> None:
        self._waits = waits
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
        )
        self._bars = Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=False)
        self._draws = console.is_terminal and not console.is_dumb_terminal
        self._sent = self._bars.add_task("sending", note="")
        self._ended = self._bars.add_task("processing", note="", visible=waits)
        self._pause = BAR_SECONDS if self._draws else LINE_SECONDS
        self._next_look = time.monotonic() + self._pause

    @contextmanager
    def shown(self, upload: FolderUpload) -> Iterator[None]:
        """Show the bars while the context lasts, at its end as they are then."""
        with self._bars if self._draws else nullcontext():
            try:
                yield
            finally:
                if self._draws:
                    self._draw(upload)

    def moved(self, upload: FolderUpload) -> None:
        """Draw what is new, if it is time to."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + self._pause
            self._draw(upload)

    def _draw(self, upload: FolderUpload) -> None:
        amount = upload.amount
        files = len(upload.sent_earlier) + amount.files
        ended = sum(verdict.status != "accepted" for verdict in upload.verdicts.values())
        sent_note = (
            f"{amount.files_settled} of {amount.files} files, "
            f"{decimal(amount.bytes_sent)} of {decimal(amount.bytes)}"
        )
        ended_note = f"{ended} of {files} files"
        if self._draws:
            self._bars.update(self._sent, completed=amount.bytes_sent, total=amount.bytes, note=sent_note)
            self._bars.update(self._ended, completed=ended, total=files, note=ended_note)
        else:
            click.echo(f"sent {sent_note}" + (f"; ended {ended_note}" if self._waits else ""), err=True)
