"""Shows work in progress: bars where a person watches, one line a change where a log is written.

Bars go to standard error; results go to standard output, so that they can be piped.
"""

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.table import Column

from mediamill_client.cli.text import printable

LONGEST_NAME = 48
"""Columns of a terminal that a file's name may take beside its bar."""


class Display(Protocol):
    """What commands report to; `name` is the file or job that a report is about."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def progress(self, name: str, state: str, percent: float) -> None:
        """Show how far `name` is in its present state."""

    def result(self, name: str, line: str, document: dict[str, Any]) -> None:
        """Show what became of `name`, once: `line` for people, `document` for programs."""


class LineDisplay:
    """One line for each change of state; percentages would only fill the log."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._states: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._states.clear()

    def progress(self, name: str, state: str, percent: float) -> None:  # noqa: ARG002 - see the class
        """Print the state to standard error when it is a new one."""
        if self._states.get(name) != state:
            self._states[name] = state
            click.echo(printable(f"{name}: {state}"), err=True)

    def result(self, name: str, line: str, document: dict[str, Any]) -> None:
        """Print the result to standard output."""
        click.echo(_rendered(name, line, document, as_json=self._as_json))


class BarDisplay:
    """A bar for each file or job that moves; it gives way to a line when the work is done."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        name_column = Column(max_width=LONGEST_NAME, no_wrap=True, overflow="ellipsis")
        self._bars = Progress(
            TextColumn("{task.description}", markup=False, table_column=name_column),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            console=Console(stderr=True),
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def progress(self, name: str, state: str, percent: float) -> None:
        """Move the bar of `name`, which appears with the first progress."""
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(printable(Path(name).name), total=100, state=state)
        self._bars.update(self._tasks[name], completed=percent, state=state, visible=percent > 0)

    def result(self, name: str, line: str, document: dict[str, Any]) -> None:
        """Remove the bar of `name` and print the result above those that are left."""
        if name in self._tasks:
            self._bars.remove_task(self._tasks.pop(name))
        text = _rendered(name, line, document, as_json=self._as_json)
        if sys.stdout.isatty():
            self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(text)


def display(*, as_json: bool) -> Display:
    """Return the display that fits: bars only where standard error is a terminal that can move its cursor."""
    console = Console(stderr=True)
    fancy = console.is_terminal and not console.is_dumb_terminal
    return BarDisplay(as_json=as_json) if fancy else LineDisplay(as_json=as_json)


def _rendered(name: str, line: str, document: dict[str, Any], *, as_json: bool) -> str:
    return json.dumps(document) if as_json else printable(f"{name}: {line}")
