"""A duty: something small that has to be done every so often, and that may be done twice without harm."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from mediamill_cleanup.report import Report
from mediamill_cleanup.timetable import Timetable


@dataclass(frozen=True)
class Run:
    """One run of a duty: the moment it takes for the present, and whether it only looks."""

    now: datetime
    dry_run: bool = False

    def report(self) -> Report:
        """Begin the report of this run."""
        return Report(dry_run=self.dry_run)


@dataclass(frozen=True)
class Duty:
    """What is done, when, and in one sentence why."""

    name: str
    summary: str
    timetable: Timetable
    perform: Callable[[Run], Awaitable[Report]]
