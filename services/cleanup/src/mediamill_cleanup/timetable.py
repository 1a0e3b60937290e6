"""When a duty is due: cron expressions, read in a time zone that is named."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

OFF = "off"
"""Stands for a duty that is never due by itself."""


class Timetable:
    """A cron expression of five fields (Debian's rules, also where clocks change) in a time zone."""

    def __init__(self, expression: str, zone: ZoneInfo) -> None:
        """Raise ValueError when the expression is malformed or names no moment at all."""
        self.expression = expression
        self._zone = zone
        if expression != OFF and self.next_after(datetime(2000, 1, 1, tzinfo=UTC)) is None:
            raise ValueError(f"never comes: {expression!r}")

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first due time after `moment`, in UTC; None when it is off."""
        if self.expression == OFF:
            return None
        due_times = (due.astimezone(UTC) for due in self._due_times(moment))
        # In the hour that comes twice, the parser begins with the first of the two, which may be over.
        return next((due for due in due_times if due > moment), None)

    def _due_times(self, moment: datetime) -> Iterator[datetime]:
        if len(self.expression.split()) != 5:
            raise ValueError(f"five fields are needed: {self.expression!r}")
        try:
            yield from CronSim(self.expression, moment.astimezone(self._zone))
        except CronSimError as error:
            raise ValueError(f"{error}: {self.expression!r}") from None
